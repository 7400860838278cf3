import type { Clock } from './clock.ts';

/** Wall time that moved so much further than time passed was set, or the machine slept. */
const jumpMs = 3_600_000;

/** A machine that starts with a wrong clock has it corrected by then. */
const settleMs = 3_600_000;

/** Nothing was written for so long before a start: either nobody came, or the clock is ahead. */
const quietMs = 86_400_000;

/**
 * Whether what cannot be taken back may be done by this clock. After it was put forward, and after a start at which it
 * stands far ahead of everything that was ever written, it has to hold for an hour first.
 */
export class SettledClock {
  readonly #clock: Clock;
  #last: { wallMs: number; monotonicMs: number };
  #heldUntilMs = -Infinity;

  /** @param newest when something was written last, by whatever clock; null: never */
  constructor(clock: Clock, newest: Date | null) {
    this.#clock = clock;
    this.#last = this.#read();
    if (newest && this.#last.wallMs - newest.getTime() > quietMs) this.#hold();
  }

  /** How long it has to hold yet; 0: it may be relied on. */
  heldMs(): number {
    const { wallMs, monotonicMs } = this.#read();
    const jump = wallMs - this.#last.wallMs - (monotonicMs - this.#last.monotonicMs);
    this.#last = { wallMs, monotonicMs };
    if (jump > jumpMs) this.#hold();
    return Math.max(0, this.#heldUntilMs - monotonicMs);
  }

  #hold(): void {
    this.#heldUntilMs = this.#last.monotonicMs + settleMs;
  }

  #read(): { wallMs: number; monotonicMs: number } {
    return { wallMs: this.#clock.now().getTime(), monotonicMs: this.#clock.monotonicMs() };
  }
}
