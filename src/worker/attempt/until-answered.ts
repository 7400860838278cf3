import { backoffMs } from '../../lib/backoff.ts';
import { delay } from '../../lib/delay.ts';
import type { LateSignal } from '../../lib/late-signal.ts';

const pause = { initialMs: 100, factor: 2, maxMs: 5_000 };

/**
 * Asks again and again until there is an answer; null when it is ended first.
 * @throws an error that does not pass
 */
export async function untilAnswered<T>(
  action: () => Promise<T>,
  {
    until,
    isPassing = () => true,
    onFailure,
  }: {
    until: Pick<LateSignal<unknown>, 'aborted' | 'signal'>;
    isPassing?: (error: unknown) => boolean;
    onFailure: (error: unknown) => void;
  },
): Promise<{ answer: T } | null> {
  for (let failures = 0; !until.aborted;) {
    try {
      return { answer: await action() };
    } catch (error) {
      if (!isPassing(error)) throw error;
      failures += 1;
      onFailure(error);
      await delay(backoffMs(failures, pause), until.signal);
    }
  }
  return null;
}
