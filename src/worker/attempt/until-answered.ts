import { backoffMs } from '../../lib/backoff.ts';
import { delay } from '../../lib/delay.ts';

const pause = { initialMs: 100, factor: 2, maxMs: 5_000 };

/**
 * Asks again and again until there is an answer; null when the signal ends it first.
 * @throws an error that does not pass
 */
export async function untilAnswered<T>(
  action: () => Promise<T>,
  {
    signal,
    isPassing = () => true,
    onFailure,
  }: { signal: AbortSignal; isPassing?: (error: unknown) => boolean; onFailure: (error: unknown) => void },
): Promise<{ answer: T } | null> {
  for (let failures = 0; !signal.aborted;) {
    try {
      return { answer: await action() };
    } catch (error) {
      if (!isPassing(error)) throw error;
      failures += 1;
      onFailure(error);
      await delay(backoffMs(failures, pause), signal);
    }
  }
  return null;
}
