import { toValue, type MaybeRefOrGetter } from 'vue';
import type { Bucket, DiskHistory, Grouping, JobCounts, JobTimes } from '../../../../src/contract/stats.ts';
import { api, dataOf } from '../../api/client.ts';
import { resolveRange, writeRange, type TimeRange } from '../../format/time-range.ts';
import { useLiveQuery, type LiveQuery } from '../page/use-live-query.ts';

/** What charts are made of: which jobs, and by what. */
export interface ChartQuestion {
  range: TimeRange;
  by: Grouping;
  /** In the filter language. */
  q: string;
  /** How long a bar is; by default what fits the time. */
  bucket: Bucket | null;
}

/** Counting reads many jobs, so news alone do not ask for it again. */
const everyMs = 60_000;

export function useJobCounts(question: MaybeRefOrGetter<ChartQuestion>): LiveQuery<JobCounts> {
  return useLiveQuery<JobCounts>({
    key: () => ['chart-jobs', keyOf(toValue(question))],
    fetch: () => {
      const { by, bucket } = toValue(question);
      const query = { ...queryOf(toValue(question)), by, ...(bucket ? { bucket } : {}) };
      return dataOf(api.GET('/api/v1/stats/jobs', { params: { query } }));
    },
    everyMs,
  });
}

export function useJobTimes(
  question: MaybeRefOrGetter<ChartQuestion>,
  of: 'run' | 'wait',
): LiveQuery<JobTimes> {
  return useLiveQuery<JobTimes>({
    key: () => ['chart-times', of, keyOf({ ...toValue(question), bucket: null })],
    fetch: () => {
      const query = { ...queryOf(toValue(question)), by: toValue(question).by, of };
      return dataOf(api.GET('/api/v1/stats/times', { params: { query } }));
    },
    everyMs,
  });
}

export function useDiskHistory(question: MaybeRefOrGetter<ChartQuestion>): LiveQuery<DiskHistory> {
  return useLiveQuery<DiskHistory>({
    key: () => ['chart-disk', keyOf({ ...toValue(question), bucket: null, by: 'state' })],
    fetch: () => dataOf(api.GET('/api/v1/stats/disk', { params: { query: queryOf(toValue(question)) } })),
    everyMs,
  });
}

function keyOf({ range, by, q, bucket }: ChartQuestion): object {
  return { ...writeRange(range), by, q, bucket };
}

/** Relative times are read at each asking. */
function queryOf({ range, q }: ChartQuestion): { from: string; until: string; q?: string } {
  const { from, until } = resolveRange(range, Date.now());
  return { from: from.toISOString(), until: until.toISOString(), ...(q === '' ? {} : { q }) };
}
