import { toValue, type MaybeRefOrGetter } from 'vue';
import type { Failure } from '../../../../src/contract/failure.ts';
import { api, dataOf } from '../../api/client.ts';
import { resolveRange, writeRange, type TimeRange } from '../../format/time-range.ts';
import { useLiveQuery, type LiveQuery } from '../page/use-live-query.ts';

/** The last ones, at most so many. */
export const mostFamilies = 200;

/** What failed in this time, in families of those that failed alike, the newest failure first. */
export function useFailures(range: MaybeRefOrGetter<TimeRange>): LiveQuery<readonly Failure[]> {
  return useLiveQuery<readonly Failure[]>({
    key: () => ['failures', writeRange(toValue(range))],
    fetch: async () => {
      const { from, until } = resolveRange(toValue(range), Date.now());
      const query = { since: from.toISOString(), until: until.toISOString(), limit: mostFamilies };
      return (await dataOf(api.GET('/api/v1/failures', { params: { query } }))).items;
    },
    concerns: ({ name, state }) => state === 'failed' || name === 'retried',
  });
}
