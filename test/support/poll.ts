import { setTimeout as wait } from 'node:timers/promises';

/** Asks until `isDone` likes the answer; the error of a missed deadline shows the last one. */
export async function pollUntil<T>(
  ask: () => T | Promise<T>,
  isDone: (value: T) => boolean,
  options: { deadlineMs?: number; intervalMs?: number } = {},
): Promise<T> {
  const { deadlineMs = 20_000, intervalMs = 10 } = options;
  const until = performance.now() + deadlineMs;
  for (;;) {
    const value = await ask();
    if (isDone(value)) return value;
    if (performance.now() > until) {
      throw new Error(`not reached within ${deadlineMs} ms; last value: ${JSON.stringify(value)}`);
    }
    await wait(intervalMs);
  }
}
