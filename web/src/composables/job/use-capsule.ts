import { computed, toValue, type MaybeRefOrGetter } from 'vue';
import type { Capsule } from '../../../../src/contract/capsule.ts';
import { api, dataOf } from '../../api/client.ts';
import { useLiveQuery, type LiveQuery } from '../page/use-live-query.ts';

/** What exactly an attempt ran; asked for once somebody wants to see it. */
export function useCapsule(
  job: MaybeRefOrGetter<number>,
  attempt: MaybeRefOrGetter<number>,
  isOn: MaybeRefOrGetter<boolean>,
): LiveQuery<Capsule> {
  const params = computed(() => ({
    path: { id: String(toValue(job)) },
    query: { attempt: toValue(attempt) },
  }));
  return useLiveQuery<Capsule>({
    key: () => ['capsule', toValue(job), toValue(attempt)],
    fetch: () => dataOf(api.GET('/api/v1/jobs/{id}/capsule', { params: params.value })),
    concerns: ({ jobId }) => jobId === toValue(job),
    isOn,
  });
}
