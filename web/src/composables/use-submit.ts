import {
  computed,
  ref,
  shallowRef,
  toRaw,
  toValue,
  watch,
  type ComputedRef,
  type MaybeRefOrGetter,
  type Ref,
} from 'vue';
import type { Job } from '../../../src/contract/job.ts';
import type { KindDescription } from '../../../src/contract/kind.ts';
import { submitLike, type SubmitBody } from '../../../src/contract/submit-like.ts';
import { toApiError, type ApiError } from '../api/api-error.ts';
import { api, dataOf } from '../api/client.ts';
import { applyAddress, initialValues, toBody, type Draft } from '../forms/draft.ts';
import { editOf } from '../forms/edit.ts';
import { toMembers, type Member } from '../forms/fields.ts';
import { findProblems, isRecord, type Problems } from '../forms/problems.ts';

export interface SubmitForm {
  input: ComputedRef<readonly Member[]>;
  options: ComputedRef<readonly Member[]>;
  draft: Ref<Draft>;
  body: ComputedRef<Record<string, unknown>>;
  /** The job that runs again, and what is edited of it; null for a job of its own. */
  again: ComputedRef<{ id: number; edit: Record<string, unknown> } | null>;
  /** What is wrong, by path; what is missing only after a first try. */
  problems: ComputedRef<Problems>;
  /** What the server refused that stands at no field. */
  error: Ref<ApiError | null>;
  isBusy: Ref<boolean>;
  submit: () => Promise<Job | null>;
}

/**
 * A submit of one kind: begins with the defaults, or like another job, then takes what the address gives.
 *
 * @param query of the address: `like` is the number of a job, `again` of one that runs once more
 */
export function useSubmit(
  kind: MaybeRefOrGetter<KindDescription>,
  { schema, query }: { schema: Record<string, unknown>; query: Readonly<Record<string, unknown>> },
): SubmitForm {
  const options = computed(() => offeredOptions(toMembers(schema), toValue(kind).runsProgram));
  const input = computed(() => toMembers(toValue(kind).input));
  const draft = ref<Draft>({ kind: '', input: {}, options: {} });
  const error = ref<ApiError | null>(null);
  const isBusy = ref(false);
  const isTried = ref(false);
  const refused = ref<Problems>({});
  const base = shallowRef<{ id: number; before: SubmitBody } | null>(null);

  async function begin(): Promise<void> {
    const { name } = toValue(kind);
    isTried.value = false;
    refused.value = {};
    const fields = { input: input.value, options: options.value };
    const empty = {
      kind: name,
      input: initialValues(input.value),
      options: initialValues(options.value),
    };
    draft.value = applyAddress(empty, query, fields);
    base.value = null;
    const like = query['again'] ?? query['like'];
    if (typeof like !== 'string') return;
    try {
      const job = await dataOf(api.GET('/api/v1/jobs/{id}', { params: { path: { id: like } } }));
      const before = submitLike(job);
      const { input: given, ...others } = before;
      const known = Object.fromEntries(
        Object.entries(others).filter(([member]) => options.value.some((option) => option.name === member)),
      );
      const begun = {
        kind: name,
        input: { ...empty.input, ...(isRecord(given) ? given : {}) },
        options: { ...empty.options, ...known },
      };
      draft.value = applyAddress(begun, query, fields);
      if (query['again'] !== undefined) base.value = { id: job.id, before };
    } catch (cause) {
      error.value = toApiError(cause);
    }
  }
  watch(() => toValue(kind).name, begin, { immediate: true });
  watch(draft, () => (refused.value = {}), { deep: true });

  const body = computed(() => toBody(draft.value, options.value));
  const again = computed(() => {
    if (!base.value) return null;
    const { id, before } = base.value;
    return { id, edit: editOf(before, draft.value, options.value) };
  });
  const found = computed((): Problems => {
    const { kind: _kind, input: given, ...others } = body.value;
    return {
      ...findProblems(input.value, isRecord(given) ? given : {}, 'input'),
      ...findProblems(options.value, others),
    };
  });
  const problems = computed((): Problems => {
    const shown = Object.entries(found.value).filter(
      ([, message]) => isTried.value || message !== 'This is needed.',
    );
    return { ...Object.fromEntries(shown), ...refused.value };
  });

  async function submit(): Promise<Job | null> {
    isTried.value = true;
    error.value = null;
    if (Object.keys(found.value).length > 0) return null;
    isBusy.value = true;
    try {
      return await send();
    } catch (cause) {
      const answer = toApiError(cause);
      error.value = answer;
      refused.value = Object.fromEntries(
        answer.details.map(({ field, message }) => [field.replace(/^edit\./, ''), message]),
      );
      return null;
    } finally {
      isBusy.value = false;
    }
  }

  async function send(): Promise<Job> {
    if (!again.value) return dataOf(api.POST('/api/v1/jobs', { body: toRaw(body.value) as never }));
    const { id, edit } = again.value;
    const params = { path: { id: String(id) } };
    return (await dataOf(
      api.POST('/api/v1/jobs/{id}/again', { params, body: { as: 'it-is', edit, dryRun: false } }),
    )) as Job;
  }

  return { input, options, draft, body, again, problems, error, isBusy, submit };
}

const ofPrograms: ReadonlySet<string> = new Set(['limits', 'nice', 'env', 'stdin', 'workdir']);

function offeredOptions(members: readonly Member[], runsProgram: boolean): Member[] {
  return members.filter(({ name }) => runsProgram || !ofPrograms.has(name));
}
