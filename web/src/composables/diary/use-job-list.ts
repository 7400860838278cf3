import { useIntervalFn } from '@vueuse/core';
import {
  computed,
  onScopeDispose,
  ref,
  shallowRef,
  toValue,
  watch,
  type MaybeRefOrGetter,
  type Ref,
} from 'vue';
import type { JobSummary } from '../../../../src/contract/job.ts';
import { toApiError, type ApiError } from '../../api/api-error.ts';
import { api, dataOf } from '../../api/client.ts';
import { listenForNews, listenForReturn } from '../../api/event-feed.ts';

const pageSize = 50;
/** Rows asked for by number at once; the rest is asked for in the next round. */
const mostIds = 100;
const gatherMs = 250;
/** Progress is no news, so the rows that show it are asked for. */
const progressEveryMs = 2_000;

interface JobPage {
  items: JobSummary[];
  cursor: string | null;
  searchedBackTo: string | null;
}

export interface JobList {
  status: Ref<'loading' | 'empty' | 'ready' | 'error'>;
  error: Ref<ApiError | null>;
  jobs: Readonly<Ref<readonly JobSummary[]>>;
  /** Jobs that came since and wait until somebody wants to see them. */
  fresh: Readonly<Ref<readonly JobSummary[]>>;
  /** Numbers of jobs on the list that the filter does not fit any more. */
  gone: Readonly<Ref<ReadonlySet<number>>>;
  hasMore: Ref<boolean>;
  isLoadingMore: Ref<boolean>;
  /** How far the server looked before its time was up; null when it found a page, or all. */
  searchedBackTo: Ref<string | null>;
  loadMore: () => Promise<void>;
  reload: () => Promise<void>;
  showFresh: () => void;
}

/**
 * The jobs of a filter, newest first, page by page, kept up to date by what the server tells.
 *
 * Rows change in place. Jobs that are new go to `fresh`, or straight to the top while `isAtTop` says that nobody has
 * scrolled: nothing that somebody reads is moved. Rows that do not fit the filter any more stay, marked, until the next
 * reload.
 */
export function useJobList(filter: MaybeRefOrGetter<string>, isAtTop: () => boolean): JobList {
  const jobs = shallowRef<readonly JobSummary[]>([]);
  const fresh = shallowRef<readonly JobSummary[]>([]);
  const gone = shallowRef<ReadonlySet<number>>(new Set());
  const isLoading = ref(true);
  const isLoadingMore = ref(false);
  const error = ref<ApiError | null>(null);
  const cursor = ref<string | null>(null);
  const searchedBackTo = ref<string | null>(null);
  /** Answers to an earlier filter are dropped. */
  let generation = 0;
  let touched = new Set<number>();
  let timer: ReturnType<typeof setTimeout> | undefined;

  async function reload(): Promise<void> {
    generation += 1;
    const mine = generation;
    isLoading.value = true;
    error.value = null;
    try {
      const page = await fetchPage({ q: toValue(filter) });
      if (mine !== generation) return;
      jobs.value = page.items;
      fresh.value = [];
      gone.value = new Set();
      cursor.value = page.cursor;
      searchedBackTo.value = page.searchedBackTo;
    } catch (cause) {
      if (mine !== generation) return;
      jobs.value = [];
      fresh.value = [];
      error.value = toApiError(cause);
    } finally {
      if (mine === generation) isLoading.value = false;
    }
  }

  async function loadMore(): Promise<void> {
    if (cursor.value === null || isLoadingMore.value) return;
    const mine = generation;
    isLoadingMore.value = true;
    error.value = null;
    try {
      const page = await fetchPage({ q: toValue(filter), cursor: cursor.value });
      if (mine !== generation) return;
      const known = new Set(jobs.value.map(({ id }) => id));
      jobs.value = [...jobs.value, ...page.items.filter(({ id }) => !known.has(id))];
      cursor.value = page.cursor;
      searchedBackTo.value = page.searchedBackTo;
    } catch (cause) {
      if (mine === generation) error.value = toApiError(cause);
    } finally {
      isLoadingMore.value = false;
    }
  }

  /** Looks again at the rows that something happened to. */
  async function refresh(): Promise<void> {
    timer = undefined;
    const ids = [...touched].slice(-mostIds);
    touched = new Set([...touched].slice(0, -mostIds));
    const mine = generation;
    const page = await fetchPage({
      q: `${toValue(filter)} id:${ids.join(',')}`.trim(),
      limit: mostIds,
    }).catch(() => null);
    if (page && mine === generation) take(ids, page.items);
    if (touched.size > 0) schedule();
  }

  function take(ids: readonly number[], items: readonly JobSummary[]): void {
    const found = new Map(items.map((job) => [job.id, job]));
    const known = new Set([...jobs.value, ...fresh.value].map(({ id }) => id));
    const left = new Set(gone.value);
    for (const id of ids) {
      if (found.has(id)) left.delete(id);
      else if (known.has(id)) left.add(id);
    }
    gone.value = left;
    jobs.value = jobs.value.map((job) => found.get(job.id) ?? job);
    const newest = jobs.value[0];
    const added = items.filter((job) => !known.has(job.id) && (!newest || isBefore(newest, job)));
    fresh.value = [...added, ...fresh.value.map((job) => found.get(job.id) ?? job)].toSorted((a, b) =>
      isBefore(a, b) ? 1 : -1,
    );
    if (isAtTop()) showFresh();
  }

  function showFresh(): void {
    if (fresh.value.length === 0) return;
    jobs.value = [...fresh.value, ...jobs.value];
    fresh.value = [];
  }

  function schedule(): void {
    timer ??= setTimeout(() => void refresh(), gatherMs);
  }

  watch(() => toValue(filter), reload, { immediate: true });
  onScopeDispose(
    listenForNews(({ jobId }) => {
      touched.add(jobId);
      schedule();
    }),
  );
  onScopeDispose(listenForReturn(() => void reload()));
  useIntervalFn(() => {
    if (document.hidden) return;
    const running = jobs.value.filter(({ state }) => state === 'running').slice(0, mostIds);
    for (const { id } of running) touched.add(id);
    if (running.length > 0) schedule();
  }, progressEveryMs);
  onScopeDispose(() => clearTimeout(timer));

  return {
    status: computed(() => {
      if (error.value && jobs.value.length === 0) return 'error';
      if (jobs.value.length > 0) return 'ready';
      if (isLoading.value) return 'loading';
      return cursor.value === null ? 'empty' : 'ready';
    }),
    error,
    jobs,
    fresh,
    gone,
    hasMore: computed(() => cursor.value !== null),
    isLoadingMore,
    searchedBackTo,
    loadMore,
    reload,
    showFresh,
  };
}

function fetchPage(query: { q: string; cursor?: string; limit?: number }): Promise<JobPage> {
  return dataOf(api.GET('/api/v1/jobs', { params: { query: { limit: pageSize, ...query } } }));
}

/** The order of the diary: by submit, then by number. */
function isBefore(a: JobSummary, b: JobSummary): boolean {
  return a.submittedAt === b.submittedAt ? a.id < b.id : a.submittedAt < b.submittedAt;
}
