export interface Backoff {
  initialMs: number;
  factor: number;
  maxMs: number;
}

/**
 * Delay before try `tryNumber + 1`, in milliseconds: exponential, with "equal jitter" (half fixed, half random),
 * so that many failures of one cause do not come back at one moment.
 * @param tryNumber tries made so far, from 1
 */
export function backoffMs(tryNumber: number, backoff: Backoff, random: () => number = Math.random): number {
  // Bounded, because nothing times infinity is no number.
  const growth = Math.min(Number.MAX_VALUE, backoff.factor ** Math.max(0, tryNumber - 1));
  const full = Math.min(backoff.maxMs, backoff.initialMs * growth);
  return Math.round(full / 2 + (full / 2) * random());
}
