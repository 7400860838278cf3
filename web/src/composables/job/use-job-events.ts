import { toValue, type MaybeRefOrGetter } from 'vue';
import type { JobEvent } from '../../../../src/contract/job.ts';
import { api, dataOf } from '../../api/client.ts';
import { useLiveQuery, type LiveQuery } from '../page/use-live-query.ts';

const pageSize = 1_000;

/** Everything that happened to a job, oldest first. */
export function useJobEvents(id: MaybeRefOrGetter<number>): LiveQuery<readonly JobEvent[]> {
  return useLiveQuery<readonly JobEvent[]>({
    key: () => ['job-events', toValue(id)],
    fetch: () => fetchEvents(toValue(id)),
    concerns: ({ jobId }) => jobId === toValue(id),
  });
}

async function fetchEvents(id: number): Promise<JobEvent[]> {
  const events: JobEvent[] = [];
  for (;;) {
    const query = { after: events.at(-1)?.id ?? 0, limit: pageSize };
    const params = { path: { id: String(id) }, query };
    const { items } = await dataOf(api.GET('/api/v1/jobs/{id}/events', { params }));
    events.push(...items);
    if (items.length < pageSize) return events;
  }
}
