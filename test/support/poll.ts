import { setTimeout as wait } from 'node:timers/promises';

/** Time between two questions: a tenth of what has been waited, so that a long wait asks seldom and ends hardly later. */
const intervalMs = { least: 10, most: 100 };

/** Asks until `isDone` likes the answer; the error of a missed deadline shows the last one. */
export async function pollUntil<T>(
  ask: () => T | Promise<T>,
  isDone: (value: T) => boolean,
  options: { deadlineMs?: number } = {},
): Promise<T> {
  const { deadlineMs = 20_000 } = options;
  const startedAt = performance.now();
  for (;;) {
    const value = await ask();
    if (isDone(value)) return value;
    const waitedMs = performance.now() - startedAt;
    if (waitedMs > deadlineMs) {
      throw new Error(`not reached within ${deadlineMs} ms; last value: ${JSON.stringify(value)}`);
    }
    await wait(Math.min(Math.max(waitedMs / 10, intervalMs.least), intervalMs.most));
  }
}
