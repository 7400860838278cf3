import { toValue, type MaybeRefOrGetter } from 'vue';
import type { Waiting } from '../../../../src/contract/waiting.ts';
import { api, dataOf } from '../../api/client.ts';
import { useLiveQuery, type LiveQuery } from '../page/use-live-query.ts';

const estimateAgeMs = 15_000;

/** Why a job does not run yet. News of any job may change it: who stands in the way may have ended. */
export function useWaiting(id: MaybeRefOrGetter<number>): LiveQuery<Waiting> {
  return useLiveQuery<Waiting>({
    key: () => ['waiting', toValue(id)],
    fetch: () =>
      dataOf(api.GET('/api/v1/jobs/{id}/waiting', { params: { path: { id: String(toValue(id)) } } })),
    concerns: () => true,
    everyMs: estimateAgeMs,
  });
}
