import { setTimeout as wait } from 'node:timers/promises';
import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads';

export interface WatchedAnswers {
  answers: number;
  /** The longest time between two answers, or before the first. */
  longestSilenceMs: number;
}

const askEveryMs = 20;

/** Asks an address over and over while something is done; from a thread, so that what is done here delays no question. */
export async function watchAnswers(address: string, work: () => Promise<void>): Promise<WatchedAnswers> {
  const thread = new Worker(new URL(import.meta.url), { workerData: { watchAnswersOf: address } });
  const told = new Promise<WatchedAnswers>((resolve, reject) => {
    thread.once('message', resolve);
    thread.once('error', reject);
  });
  try {
    await work();
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
    thread.postMessage('enough');
    return await told;
  } finally {
    told.catch(() => {});
    await thread.terminate();
  }
}

async function watch(address: string): Promise<void> {
  const enough = new AbortController();
  parentPort?.once('message', () => enough.abort());
  let [answers, longestSilenceMs, last] = [0, 0, performance.now()];
  while (!enough.signal.aborted) {
    await (await fetch(address)).arrayBuffer();
    answers += 1;
    longestSilenceMs = Math.max(longestSilenceMs, performance.now() - last);
    last = performance.now();
    await wait(askEveryMs);
  }
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
  parentPort?.postMessage({ answers, longestSilenceMs } satisfies WatchedAnswers);
}

const { watchAnswersOf } = (workerData ?? {}) as { watchAnswersOf?: string };
if (!isMainThread && watchAnswersOf !== undefined) await watch(watchAnswersOf);
