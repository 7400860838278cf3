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
import type { Job } from '../../../../src/contract/job.ts';
import type { KindDescription } from '../../../../src/contract/kind.ts';
import { submitLike, type SubmitBody } from '../../../../src/contract/submit-like.ts';
import { toApiError, type ApiError } from '../../api/api-error.ts';
import type { NewJobBody } from '../../api/models.ts';
import { api, dataOf } from '../../api/client.ts';
import { applyAddress, initialValues, toBody, type Draft } from '../../forms/draft.ts';
import { editOf } from '../../forms/edit.ts';
import { toMembers, type Member } from '../../forms/fields.ts';
import { findProblems, isRecord, type Problems } from '../../forms/problems.ts';

export interface SubmitForm<Answer> {
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
  submit: () => Promise<Answer | null>;
}

type Body = Record<string, unknown>;

/** Where a form begins, and where its body goes. */
export interface SubmitRoute<Answer> {
  schema: Record<string, unknown>;
  /** Of the address: `like` is the number of a job, `again` of one that runs once more. */
  query: Readonly<Record<string, unknown>>;
  /** A body to begin with, in place of the defaults. */
  begun?: SubmitBody | undefined;
  /** By default a job is made. */
  send?: (body: Body) => Promise<Answer>;
  /** What is wrong with what is sent around the body, by its own paths behind `own.`. */
  others?: () => Problems;
}

/** A submit of one kind: begins with the defaults, or like another, then takes what the address gives. */
export function useSubmit<Answer = Job>(
  kind: MaybeRefOrGetter<KindDescription>,
  { schema, query, begun, send: ownSend, others: findOthers }: SubmitRoute<Answer>,
): SubmitForm<Answer> {
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
    const beginLike = (before: SubmitBody): void => {
      const { input: given, ...others } = before;
      const known = Object.fromEntries(
        Object.entries(others).filter(([member]) => options.value.some((option) => option.name === member)),
      );
      const like = {
        kind: name,
        input: { ...empty.input, ...(isRecord(given) ? given : {}) },
        options: { ...empty.options, ...known },
      };
      draft.value = applyAddress(like, query, fields);
    };
    if (begun) return beginLike(begun);
    const like = query['again'] ?? query['like'];
    if (typeof like !== 'string') return;
    try {
      const job = await dataOf(api.GET('/api/v1/jobs/{id}', { params: { path: { id: like } } }));
      const before = submitLike(job);
      beginLike(before);
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
      ...findOthers?.(),
    };
  });
  const problems = computed((): Problems => {
    const shown = Object.entries(found.value).filter(
      ([, message]) => isTried.value || message !== 'This is needed.',
    );
    return { ...Object.fromEntries(shown), ...refused.value };
  });

  async function submit(): Promise<Answer | null> {
    isTried.value = true;
    error.value = null;
    if (Object.keys(found.value).length > 0) return null;
    isBusy.value = true;
    try {
      return ownSend ? await ownSend(toRaw(body.value)) : ((await send()) as Answer);
    } catch (cause) {
      const answer = toApiError(cause);
      error.value = answer;
      refused.value = Object.fromEntries(
        answer.details.map(({ field, message }) => [toPath(field), message]),
      );
      return null;
    } finally {
      isBusy.value = false;
    }
  }

  /** Where a field of the answer stands in the form. */
  function toPath(field: string): string {
    const inner = /^(?:edit|submit)\.(.*)$/.exec(field)?.[1];
    return inner ?? (ownSend ? `own.${field}` : field);
  }

  async function send(): Promise<Job> {
    if (!again.value) return dataOf(api.POST('/api/v1/jobs', { body: toRaw(body.value) as NewJobBody }));
    const { id, edit } = again.value;
    const params = { path: { id: String(id) } };
    return (await dataOf(
      api.POST('/api/v1/jobs/{id}/again', { params, body: { as: 'it-is', edit, dryRun: false } }),
    )) as Job;
  }

  return { input, options, draft, body, again, problems, error, isBusy, submit };
}

const ofPrograms: ReadonlySet<string> = new Set(['limits', 'nice', 'env', 'stdin', 'workdir', 'files']);

function offeredOptions(members: readonly Member[], runsProgram: boolean): Member[] {
  return members.filter(({ name }) => runsProgram || !ofPrograms.has(name));
}
