import { startTimer, type Timer } from '../../lib/timer.ts';

export interface WallLimitOptions {
  /** Null: none. */
  limitMs: number | null;
  /** Fraction of the limit from which on it is near; null: never. */
  warnAt: number | null;
  /** With the time it ran then, in seconds. */
  onNear(seconds: number): void;
  onTime(): void;
}

/** How long an attempt may run. */
export class WallLimit {
  readonly #options: WallLimitOptions;
  #timers: Timer[] = [];

  constructor(options: WallLimitOptions) {
    this.#options = options;
  }

  /** @param ranMs how long it runs already */
  arm(ranMs: number): void {
    const { limitMs, warnAt, onNear, onTime } = this.#options;
    if (limitMs === null) return;
    const left = (part: number): number => Math.max(0, limitMs * part - Math.max(0, ranMs));
    this.#timers = [startTimer(left(1), onTime)];
    if (warnAt !== null) this.#timers.push(startTimer(left(warnAt), () => onNear((limitMs / 1000) * warnAt)));
  }

  clear(): void {
    for (const timer of this.#timers) timer.clear();
  }
}
