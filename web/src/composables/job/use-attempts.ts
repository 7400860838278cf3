import { toValue, type MaybeRefOrGetter } from 'vue';
import type { Attempt } from '../../../../src/contract/job.ts';
import { api, dataOf } from '../../api/client.ts';
import { useLiveQuery, type LiveQuery } from '../page/use-live-query.ts';

/** Every try at a job, the first one first. */
export function useAttempts(id: MaybeRefOrGetter<number>): LiveQuery<readonly Attempt[]> {
  return useLiveQuery<readonly Attempt[]>({
    key: () => ['attempts', toValue(id)],
    fetch: async () => {
      const path = { id: String(toValue(id)) };
      return (await dataOf(api.GET('/api/v1/jobs/{id}/attempts', { params: { path } }))).items;
    },
    concerns: ({ jobId }) => jobId === toValue(id),
  });
}
