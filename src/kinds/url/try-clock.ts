import { performance } from 'node:perf_hooks';
import type { UrlPhases } from '../../contract/url-test.ts';
import { timedOut, type FailurePhase } from './failure.ts';

/**
 * The action, as far as it settles within its limit and before the whole test is over; its time goes into `times`
 * either way. Whoever started something that can go on (a socket) ends it when this rejects.
 * @throws UrlFailure `TIMEOUT`; the reason of the signal
 */
export async function inPhase<T>(
  name: Extract<FailurePhase, keyof UrlPhases>,
  { times, limitMs, signal }: { times: UrlPhases; limitMs: number; signal: AbortSignal },
  action: () => Promise<T>,
): Promise<T> {
  signal.throwIfAborted();
  const startedMs = performance.now();
  let timer: NodeJS.Timeout | undefined;
  let onAbort: (() => void) | undefined;
  try {
    return await new Promise<T>((resolve, reject) => {
      timer = setTimeout(() => reject(timedOut(name, limitMs)), limitMs);
      onAbort = () => reject(signal.reason as Error);
      signal.addEventListener('abort', onAbort, { once: true });
      action().then(resolve, reject);
    });
  } finally {
    clearTimeout(timer);
    if (onAbort) signal.removeEventListener('abort', onAbort);
    times[name] = sinceMs(startedMs);
  }
}

/** Milliseconds to the microsecond; more digits would only be noise. */
export function sinceMs(startedMs: number): number {
  return Math.round((performance.now() - startedMs) * 1000) / 1000;
}
