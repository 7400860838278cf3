import { readonly, ref } from 'vue';
import { createLeaderLink } from './feed/leader-link.ts';
import type { FeedLink, FeedMessage, JobNews } from './feed/messages.ts';
import { createWorkerLink } from './feed/worker-link.ts';

export type { JobNews };

export type FeedState = 'off' | 'connecting' | 'open' | 'lost';

const state = ref<FeedState>('off');
const listeners = new Set<(news: JobNews) => void>();
const reopened = new Set<() => void>();
/** One stream for all pages of the browser, by whatever they have in common. */
let link: FeedLink | null = null;
let isOn = false;
let wasLost = false;
/** The stream was opened for who was signed in before. */
let isNewSession = false;

/** Whether this page hears what happens. */
export const feedState = readonly(state);

/** Begins to listen. */
export function openFeed(): void {
  if (isOn) return;
  isOn = true;
  if (state.value === 'off') state.value = 'connecting';
  if (!link) {
    link = createWorkerLink(take, goOnWithoutWorker) ?? createLeaderLink(take);
    followPage();
  }
  link.join(isNewSession);
  isNewSession = false;
}

/** @param options.comesBack when it is opened again, those who listen for its return are told */
export function closeFeed({ comesBack = false } = {}): void {
  if (isOn) link?.leave();
  isOn = false;
  isNewSession = true;
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

function take(message: FeedMessage): void {
  if (!isOn) return;
  if (message.type === 'news') {
    for (const tell of listeners) tell(message.news);
    return;
  }
  state.value = message.state;
  if (message.state === 'lost') wasLost = true;
  if (message.state !== 'open') return;
  if (wasLost || message.isAgain) for (const tell of reopened) tell();
  wasLost = false;
}

/** Its script could not be had, or run. */
function goOnWithoutWorker(): void {
  link = createLeaderLink(take);
  wasLost = true;
  if (isOn) link.join(true);
}

/** A page that is left may be kept and shown again as it was; until then it hears nothing. */
function followPage(): void {
  addEventListener('pagehide', () => {
    if (isOn) link?.leave();
  });
  addEventListener('pageshow', ({ persisted }) => {
    if (!persisted || !isOn) return;
    wasLost = true;
    link?.join(false);
  });
}
