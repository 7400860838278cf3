import { toValue, type MaybeRefOrGetter } from 'vue';
import { api, dataOf } from '../../api/client.ts';
import { useLiveQuery, type LiveQuery } from '../page/use-live-query.ts';
import type { Stream } from '../../../../src/contract/stream.ts';

export interface TailLine {
  stream: Stream;
  text: string;
}

/** The last lines that the newest attempt of an ended job printed, both streams as they came. */
export function useOutputTail(id: MaybeRefOrGetter<number>, lines = 30): LiveQuery<readonly TailLine[]> {
  return useLiveQuery<readonly TailLine[]>({
    key: () => ['output-tail', toValue(id), lines],
    fetch: async () => {
      const params = { path: { id: String(toValue(id)) }, query: { from: 'end', lines } };
      return (await dataOf(api.GET('/api/v1/jobs/{id}/output', { params }))).lines;
    },
    concerns: ({ jobId }) => jobId === toValue(id),
  });
}
