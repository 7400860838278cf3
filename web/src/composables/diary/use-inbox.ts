import { useToast } from '@nuxt/ui/composables/useToast';
import { computed, ref, shallowRef, watch, type ComputedRef, type Ref } from 'vue';
import type { JobSummary } from '../../../../src/contract/job.ts';
import { endedStates } from '../../../../src/contract/states.ts';
import { toApiError } from '../../api/api-error.ts';
import { api, dataOf } from '../../api/client.ts';
import { useJobList, type JobList } from './use-job-list.ts';
import { useLiveQuery } from '../page/use-live-query.ts';
import { useSession } from '../account/use-session.ts';

/** What somebody concludes of a job. */
export type Conclusion = Pick<JobSummary, 'assessment'> | Pick<JobSummary, 'analysis'>;

/** A step that can be taken back; `before` is null for a job that was only skipped. */
interface Step {
  id: number;
  before: Pick<JobSummary, 'assessment' | 'analysis'> | null;
}

const countedAtMost = 100;

/** After these a job may have come to the inbox, or left it. */
const countedEvents: ReadonlySet<string> = new Set([...endedStates, 'retried', 'changed']);

/** Jobs that ended and that nobody has looked at, in the filter language. */
export function inboxFilter({ isOfAll }: { isOfAll: boolean }): string {
  return `${isOfAll ? '' : 'is:mine '}state:ended -assessment:* -analysis:ongoing,done`;
}

export interface Inbox {
  list: JobList;
  /** Those still to be looked at. */
  jobs: ComputedRef<readonly JobSummary[]>;
  current: ComputedRef<JobSummary | null>;
  canUndo: ComputedRef<boolean>;
  open: (id: number) => void;
  move: (by: 1 | -1) => void;
  conclude: (conclusion: Conclusion) => Promise<void>;
  skip: () => void;
  undo: () => Promise<void>;
}

/** One job after the other: what is concluded or skipped leaves the list, and the next one opens. */
export function useInbox(isOfAll: Ref<boolean>): Inbox {
  const toast = useToast();
  const list = useJobList(
    () => inboxFilter({ isOfAll: isOfAll.value }),
    () => true,
  );
  const handled = shallowRef<ReadonlySet<number>>(new Set());
  const steps = shallowRef<readonly Step[]>([]);
  const opened = ref<number | null>(null);

  const jobs = computed(() =>
    list.jobs.value.filter(
      ({ id }) => !handled.value.has(id) && (!list.gone.value.has(id) || id === opened.value),
    ),
  );
  // What came first stays open when others come in above it.
  watch(jobs, () => (opened.value ??= jobs.value[0]?.id ?? null));
  const current = computed(() => jobs.value.find(({ id }) => id === opened.value) ?? jobs.value[0] ?? null);
  watch(jobs, ({ length }) => {
    if (length < 10 && list.hasMore.value) void list.loadMore();
  });

  function take(step: Step): void {
    const at = jobs.value.findIndex(({ id }) => id === step.id);
    opened.value = (jobs.value[at + 1] ?? jobs.value[at - 1])?.id ?? null;
    handled.value = new Set([...handled.value, step.id]);
    steps.value = [...steps.value, step];
  }

  function putBack(id: number): void {
    steps.value = steps.value.filter((step) => step.id !== id);
    handled.value = new Set([...handled.value].filter((other) => other !== id));
    opened.value = id;
  }

  async function change(
    id: number,
    body: Partial<Pick<JobSummary, 'assessment' | 'analysis'>>,
  ): Promise<boolean> {
    try {
      await api.PATCH('/api/v1/jobs/{id}', { params: { path: { id: String(id) } }, body });
      return true;
    } catch (cause) {
      const { message, code } = toApiError(cause);
      toast.add({ title: `Job ${id} is not changed`, description: `${message} (${code})`, color: 'error' });
      return false;
    }
  }

  return {
    list,
    jobs,
    current,
    canUndo: computed(() => steps.value.length > 0),
    open: (id) => {
      opened.value = id;
    },
    move: (by) => {
      const at = jobs.value.findIndex(({ id }) => id === current.value?.id);
      opened.value = jobs.value[at + by]?.id ?? opened.value;
    },
    conclude: async (conclusion) => {
      const job = current.value;
      if (!job) return;
      const { id, assessment, analysis } = job;
      take({ id, before: { assessment, analysis } });
      if (!(await change(id, conclusion))) putBack(id);
    },
    skip: () => {
      if (current.value) take({ id: current.value.id, before: null });
    },
    undo: async () => {
      const step = steps.value.at(-1);
      if (step && (!step.before || (await change(step.id, step.before)))) putBack(step.id);
    },
  };
}

/** How many jobs of one's own wait in the inbox: `7`, `99+`; empty for none. */
export function useInboxCount(): ComputedRef<string> {
  const { name } = useSession();
  const { data } = useLiveQuery({
    key: () => ['inbox-count', name.value],
    fetch: async () => {
      const query = { q: inboxFilter({ isOfAll: false }), limit: countedAtMost };
      return (await dataOf(api.GET('/api/v1/jobs', { params: { query } }))).items.length;
    },
    concerns: ({ name: event }) => countedEvents.has(event),
    atMostEveryMs: 5_000,
    isOn: () => name.value !== '',
  });
  return computed(() => {
    const count = data.value ?? 0;
    if (count === 0) return '';
    return count < countedAtMost ? String(count) : `${countedAtMost - 1}+`;
  });
}
