import { useInfiniteQuery } from '@tanstack/vue-query';
import { computed, ref, toValue, type ComputedRef, type MaybeRefOrGetter, type Ref } from 'vue';
import type { Job } from '../../../../src/contract/job.ts';
import type { JobPart, PartSummary } from '../../../../src/contract/part.ts';
import { isEnded } from '../../../../src/contract/states.ts';
import type { tones } from '../../../../src/contract/states.ts';
import type { UrlTest } from '../../../../src/kinds/url/contract/url-test.ts';
import { toApiError, type ApiError } from '../../api/api-error.ts';
import { api, dataOf } from '../../api/client.ts';
import type { JobNews } from '../../api/event-feed.ts';
import { useLiveQuery, type LiveQuery } from '../page/use-live-query.ts';

export type Tone = (typeof tones)[number];

/** A URL that was tested; its facts are the test. */
export type UrlPart = Omit<JobPart, 'facts'> & { facts: UrlTest };

const kind = 'url';
const pageSize = 25;
const atMostEveryMs = 1_000;
/** Tests of a long list bring no news of their own. */
const everyMs = 10_000;

const mayBeTested = ({ name, state }: JobNews): boolean =>
  name === 'progress' || (state !== null && isEnded(state));

/** A page of all tests, or of those of one URL, the newest first. Pages count from 1. */
export function useUrlHistory(
  url: MaybeRefOrGetter<string | null>,
  page: MaybeRefOrGetter<number>,
): LiveQuery<{ items: UrlPart[]; hasMore: boolean }> {
  return useLiveQuery({
    key: () => ['parts', kind, toValue(url), toValue(page)],
    fetch: async () => {
      const key = toValue(url);
      const query = {
        kind,
        ...(key === null ? {} : { key }),
        limit: pageSize + 1,
        offset: (toValue(page) - 1) * pageSize,
      };
      const { items } = await dataOf(api.GET('/api/v1/parts', { params: { query } }));
      return { items: items.slice(0, pageSize) as UrlPart[], hasMore: items.length > pageSize };
    },
    concerns: mayBeTested,
    atMostEveryMs,
    everyMs,
  });
}

/** How a URL fared in the last hours, in so many slices. */
export function useUrlSummary(
  key: MaybeRefOrGetter<string>,
  span: { hours: number; slices: number; everyMs: number },
): LiveQuery<PartSummary> {
  const { hours, slices } = span;
  return useLiveQuery<PartSummary>({
    key: () => ['parts', 'summary', toValue(key), hours, slices],
    fetch: () => {
      const query = { kind, key: toValue(key), hours, slices };
      return dataOf(api.GET('/api/v1/parts/summary', { params: { query } }));
    },
    concerns: mayBeTested,
    atMostEveryMs: span.everyMs,
    everyMs: Math.max(everyMs, span.everyMs),
  });
}

export interface UrlParts {
  status: ComputedRef<'loading' | 'empty' | 'ready' | 'error'>;
  items: ComputedRef<UrlPart[]>;
  error: ComputedRef<ApiError | null>;
  hasMore: Ref<boolean>;
  isLoadingMore: Ref<boolean>;
  loadMore: () => void;
  reload: () => Promise<unknown>;
}

/** The URLs of a job, by number, more when asked for. */
export function useUrlParts(
  jobId: MaybeRefOrGetter<number>,
  tone: MaybeRefOrGetter<Tone | null>,
  isRunning: MaybeRefOrGetter<boolean>,
): UrlParts {
  const query = useInfiniteQuery({
    queryKey: computed(() => ['job', String(toValue(jobId)), 'parts', toValue(tone), toValue(isRunning)]),
    initialPageParam: 0,
    queryFn: async ({ pageParam }) => {
      const only = toValue(tone);
      const params = {
        path: { id: String(toValue(jobId)) },
        query: { ...(only ? { tone: only } : {}), after: pageParam, limit: 2 * pageSize },
      };
      return (await dataOf(api.GET('/api/v1/jobs/{id}/parts', { params }))).items as UrlPart[];
    },
    getNextPageParam: (last) => (last.length === 2 * pageSize ? last.at(-1)?.number : undefined),
    refetchInterval: computed(() => toValue(isRunning) && 2_000),
  });
  const items = computed(() => query.data.value?.pages.flat() ?? []);
  return {
    items,
    status: computed(() => {
      if (query.data.value) return items.value.length === 0 ? 'empty' : 'ready';
      return query.error.value ? 'error' : 'loading';
    }),
    error: computed(() => (query.error.value ? toApiError(query.error.value) : null)),
    hasMore: query.hasNextPage,
    isLoadingMore: query.isFetchingNextPage,
    loadMore: () => void query.fetchNextPage(),
    reload: () => query.refetch(),
  };
}

/** Tests URLs by a job of their own; null: refused, and `error` says why. */
export function useUrlSubmit(): {
  isBusy: Ref<boolean>;
  error: Ref<string | null>;
  submit: (urls: readonly string[]) => Promise<Job | null>;
} {
  const isBusy = ref(false);
  const error = ref<string | null>(null);
  return {
    isBusy,
    error,
    submit: async (urls) => {
      isBusy.value = true;
      error.value = null;
      try {
        return await dataOf(api.POST('/api/v1/jobs', { body: { kind, input: { urls: [...urls] } } }));
      } catch (cause) {
        const { message, details } = toApiError(cause);
        error.value = details[0] ? `${message} ${details[0].field}: ${details[0].message}` : message;
        return null;
      } finally {
        isBusy.value = false;
      }
    },
  };
}
