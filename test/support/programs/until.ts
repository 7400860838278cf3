import { setTimeout as wait } from 'node:timers/promises';

/** Polls until the value is neither false nor null, and returns it. Fails with the last value. */
export async function until<T>(what: string, probe: () => T, deadlineMs = 8_000): Promise<NonNullable<T>> {
  const deadline = performance.now() + deadlineMs;
  for (;;) {
    const value = probe();
    if (value !== null && value !== undefined && value !== false) return value;
    if (performance.now() > deadline)
      throw new Error(`${what}: not within ${deadlineMs} ms (last: ${String(value)})`);
    await wait(5);
  }
}
