import type { PageMessage } from './feed-worker.ts';
import type { FeedLink, FeedMessage } from './messages.ts';

/** By a worker that all pages of the browser share; null where there is none, as on some phones. */
export function createWorkerLink(
  tell: (message: FeedMessage) => void,
  onFailure: () => void,
): FeedLink | null {
  if (typeof SharedWorker === 'undefined') return null;
  const worker = new SharedWorker(new URL('./feed-worker.ts', import.meta.url), {
    type: 'module',
    name: 'daybook-feed',
  });
  worker.addEventListener('error', onFailure);
  worker.port.addEventListener('message', ({ data }: MessageEvent<FeedMessage>) => tell(data));
  worker.port.start();
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker is of its origin
  const say = (message: PageMessage): void => worker.port.postMessage(message);
  return {
    join: (isNewSession) => say({ type: 'join', isNewSession }),
    leave: () => say({ type: 'leave' }),
  };
}
