import { useQuery, type UseQueryReturnType } from '@tanstack/vue-query';
import { useThrottleFn } from '@vueuse/core';
import { computed, onScopeDispose, toValue, type ComputedRef, type MaybeRefOrGetter } from 'vue';
import { toApiError, type ApiError } from '../../api/api-error.ts';
import { listenForNews, listenForReturn, type JobNews } from '../../api/event-feed.ts';

export interface LiveQuery<Data> {
  status: ComputedRef<'loading' | 'ready' | 'error'>;
  data: ComputedRef<Data | undefined>;
  error: ComputedRef<ApiError | null>;
  reload: () => Promise<unknown>;
}

/**
 * Something the server tells, asked anew when news concern it and when a lost connection is back.
 *
 * @param options.concerns whether a piece of news may have changed it; by default none does
 */
export function useLiveQuery<Data>(options: {
  key: MaybeRefOrGetter<readonly unknown[]>;
  fetch: () => Promise<Data>;
  concerns?: (news: JobNews) => boolean;
  /** Also without news, in milliseconds; where others than jobs change it. */
  everyMs?: MaybeRefOrGetter<number | false>;
  /** The same, as the data say. */
  everyMsOf?: (data: Data) => number | false;
  /** However many news there are. */
  atMostEveryMs?: number;
  isOn?: MaybeRefOrGetter<boolean>;
}): LiveQuery<Data> {
  const { concerns = () => false, everyMs = false, everyMsOf, atMostEveryMs = 500, isOn = true } = options;
  const query: UseQueryReturnType<Data, Error> = useQuery<Data>({
    queryKey: computed(() => [...toValue(options.key)]),
    queryFn: options.fetch,
    refetchInterval: computed(() => {
      const byTime = toValue(everyMs);
      if (!everyMsOf) return byTime;
      return ({ state: { data } }: { state: { data: Data | undefined } }) =>
        data === undefined ? byTime : everyMsOf(data);
    }),
    enabled: computed(() => toValue(isOn)),
  });
  const reload = (): Promise<unknown> => query.refetch();
  const reloadSoon = useThrottleFn(() => void (toValue(isOn) && reload()), atMostEveryMs, true, true);
  onScopeDispose(listenForNews((news) => void (concerns(news) && reloadSoon())));
  onScopeDispose(listenForReturn(() => void reloadSoon()));
  return {
    status: computed(() => {
      if (query.data.value !== undefined) return 'ready';
      return query.error.value ? 'error' : 'loading';
    }),
    data: computed(() => query.data.value),
    error: computed(() => (query.error.value ? toApiError(query.error.value) : null)),
    reload,
  };
}
