import { readonly, ref } from 'vue';
import type { JobEvent } from '../../../src/contract/job.ts';
import type { JobState } from '../../../src/contract/states.ts';

/** What the stream of events tells: something happened to a job, which is now in this state. */
export interface JobNews extends JobEvent {
  state: JobState | null;
}

export type FeedState = 'off' | 'connecting' | 'open' | 'lost';

const state = ref<FeedState>('off');
const listeners = new Set<(news: JobNews) => void>();
const reopened = new Set<() => void>();
let source: EventSource | null = null;
let retry: ReturnType<typeof setTimeout> | undefined;
let pauseMs = 1_000;
let wasLost = false;

/** Whether this page hears what happens. */
export const feedState = readonly(state);

/** Begins to listen. The browser comes back by itself where it stopped, unless it was refused; then we do, with growing pauses. */
export function openFeed(): void {
  if (source) return;
  if (state.value === 'off') state.value = 'connecting';
  source = new EventSource('/api/v1/events');
  source.addEventListener('open', () => {
    pauseMs = 1_000;
    state.value = 'open';
    if (wasLost) for (const tell of reopened) tell();
    wasLost = false;
  });
  source.addEventListener('job', (event: MessageEvent<string>) => {
    const news = JSON.parse(event.data) as JobNews;
    for (const tell of listeners) tell(news);
  });
  source.addEventListener('error', () => {
    state.value = 'lost';
    wasLost = true;
    if (source?.readyState !== EventSource.CLOSED) return;
    source = null;
    clearTimeout(retry);
    retry = setTimeout(openFeed, pauseMs);
    pauseMs = Math.min(2 * pauseMs, 15_000);
  });
}

/** @param options.comesBack when it is opened again, those who listen for its return are told */
export function closeFeed({ comesBack = false } = {}): void {
  clearTimeout(retry);
  source?.close();
  source = null;
  wasLost = comesBack;
  state.value = 'off';
}

/** Calls back with each event; returns how to stop. */
export function listenForNews(tell: (news: JobNews) => void): () => void {
  listeners.add(tell);
  return () => listeners.delete(tell);
}

/** Calls back when the stream is there again after it was lost: something may have been missed meanwhile. */
export function listenForReturn(tell: () => void): () => void {
  reopened.add(tell);
  return () => reopened.delete(tell);
}
