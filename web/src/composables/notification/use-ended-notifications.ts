import { useLocalStorage, useThrottleFn } from '@vueuse/core';
import { onScopeDispose, type Ref } from 'vue';
import { useRouter } from 'vue-router';
import type { JobSummary } from '../../../../src/contract/job.ts';
import { isEnded } from '../../../../src/contract/states.ts';
import { api, dataOf } from '../../api/client.ts';
import { listenForNews } from '../../api/event-feed.ts';

const askAtMostEveryMs = 3_000;
const mostShown = 5;

/** Whether this browser tells of one's own jobs that ended while one looked elsewhere. */
export function useTellsEnded(): Ref<boolean> {
  return useLocalStorage('daybook-tell-ended', false);
}

/**
 * Shows a notification of the browser for each job of one's own that ends while nobody looks at the page. The news tell
 * only that jobs ended, whosever; which were one's own is asked, for many at once.
 */
export function useEndedNotifications(): void {
  const tellsEnded = useTellsEnded();
  const router = useRouter();
  const openedAt = new Date().toISOString();
  const shown = new Set<string>();
  /** When the first ended of those not asked for yet. */
  let since: string | null = null;

  const ask = useThrottleFn(
    async () => {
      if (since === null) return;
      const q = `is:mine is:ended ended:>=${since}`;
      since = null;
      // Who looks elsewhere is not told that there was nothing to tell.
      const found = await dataOf(api.GET('/api/v1/jobs', { params: { query: { q, limit: 20 } } })).catch(
        () => ({ items: [] }),
      );
      const isNew = (job: JobSummary): boolean => !shown.has(endOf(job));
      for (const job of found.items.filter(isNew).slice(0, mostShown)) {
        shown.add(endOf(job));
        show(job, () => void router.push(`/jobs/${job.id}`));
      }
    },
    askAtMostEveryMs,
    true,
  );
  onScopeDispose(
    listenForNews(({ state, at }) => {
      if (!tellsEnded.value || !document.hidden || state === null || !isEnded(state)) return;
      // What ended before was imported, or told late.
      const moment = new Date(at).toISOString();
      if (moment < openedAt) return;
      since = since === null || moment < since ? moment : since;
      void ask();
    }),
  );
}

/** A job that is retried ends once more. */
function endOf({ id, endedAt }: JobSummary): string {
  return `${id} ${endedAt}`;
}

function show({ id, name, state, message }: JobSummary, open: () => void): void {
  // Several open pages of one browser show one.
  const options = { body: message ?? `Job ${id}`, tag: `daybook-job-${id}` };
  const notification = showNotification(`${name}: ${state}`, options);
  notification?.addEventListener('click', () => {
    window.focus();
    open();
    notification.close();
  });
}

/** Null: some browsers, those of phones for one, know notifications and refuse to show any for a page. */
export function showNotification(title: string, options: NotificationOptions): Notification | null {
  try {
    return new Notification(title, options);
  } catch {
    return null;
  }
}
