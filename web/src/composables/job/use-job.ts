import { toValue, type MaybeRefOrGetter, type Ref } from 'vue';
import type { Job } from '../../../../src/contract/job.ts';
import { parseJson } from '../../../../src/contract/whole-numbers.ts';
import { api, dataOf } from '../../api/client.ts';
import type { JobChangeBody } from '../../api/models.ts';
import { queryClient } from '../../api/query-client.ts';
import { useAction } from '../page/use-action.ts';
import { useLiveQuery, type LiveQuery } from '../page/use-live-query.ts';

/** Progress is no news, so whoever shows it asks. */
const progressEveryMs = 1_000;
/** A program that has told none so far. */
const firstProgressEveryMs = 3_000;

/** One job with everything that its page shows at once; follows what happens to it. */
export function useJob(id: MaybeRefOrGetter<string>): LiveQuery<Job> {
  return useLiveQuery<Job>({
    key: () => ['job', toValue(id)],
    fetch: async () => readJob(await dataOf(api.GET('/api/v1/jobs/{id}', at(toValue(id))))),
    concerns: ({ jobId }) => String(jobId) === toValue(id),
    everyMsOf: ({ state, progress }) => {
      if (state !== 'running') return false;
      return progress ? progressEveryMs : firstProgressEveryMs;
    },
  });
}

export interface JobActions {
  isBusy: Ref<boolean>;
  change: (change: JobChangeBody) => Promise<boolean>;
  cancel: () => Promise<boolean>;
  retry: () => Promise<boolean>;
  remove: () => Promise<boolean>;
}

/** What can be done to a job. Each resolves with whether it was done; why not is shown. */
export function useJobActions(id: MaybeRefOrGetter<string>): JobActions {
  const { isBusy, act } = useAction();
  const apply = (refused: string, call: () => Promise<{ data?: unknown }>): Promise<boolean> =>
    act(refused, async () => {
      const { data } = await call();
      // What only reading tells stays as it was read.
      if (typeof data === 'string' && data !== '')
        queryClient.setQueryData(['job', toValue(id)], (before: Job | undefined) => ({
          ...before,
          ...readJob(data),
        }));
    });
  return {
    isBusy,
    change: (change) =>
      apply('Not changed', () => api.PATCH('/api/v1/jobs/{id}', { ...at(toValue(id)), body: change })),
    cancel: () =>
      apply('Not cancelled', () => api.POST('/api/v1/jobs/{id}/cancel', { ...at(toValue(id)), body: {} })),
    retry: () => apply('Not run again', () => api.POST('/api/v1/jobs/{id}/retry', at(toValue(id)))),
    remove: () => apply('Not removed', () => api.DELETE('/api/v1/jobs/{id}', at(toValue(id)))),
  };
}

function at(id: string): { params: { path: { id: string } }; parseAs: 'text' } {
  return { params: { path: { id } }, parseAs: 'text' };
}

/** A number of its result that a double cannot hold is a bigint, which pages and their cache take for a value. */
function readJob(text: string): Job {
  return parseJson(text, BigInt) as Job;
}
