import { machineMs } from '../lib/clock.ts';
import { leaseTimes } from '../lib/lease.ts';
import type { Fence } from './protocol.ts';

/** What a fence does to its program. */
export interface FencedProgram {
  onAsk(): void;
  onKill(): void;
}

/**
 * Ends a program that could be started a second time before anybody starts it so.
 *
 * The order of times, all of them on the one monotonic clock of the machine:
 *
 *     sent ≤ stored ≤ seen by the rescuer        a beat, in the order in which things happen to it
 *     sent + askAfter     SIGTERM
 *     sent + killAfter    SIGKILL, also for what the program left behind
 *     seen + giveUpAfter  the rescuer gives the attempt away, unless it saw a later beat
 *
 * Since killAfter < giveUpAfter (`leaseTimes`), the program is gone before its job, or its place in a lane, is given to
 * another. That holds whatever became of the worker: it may be killed, stopped or cut off from the database; it tells us
 * only beats that the database confirmed, by when it sent them. A beat that was stored while its answer got lost makes
 * the rescuer wait longer than we do, which does no harm. An answer that came late tells an early `sent`.
 *
 * Once asked to end, a program is not spared any more, though a beat may still come: it may have heeded the signal.
 */
export class ProgramFence {
  readonly #program: FencedProgram;
  #sentMs = -Infinity;
  #askAtMs = Infinity;
  #timer: NodeJS.Timeout | undefined;
  #hasAsked = false;
  #isLifted = false;

  constructor(program: FencedProgram) {
    this.#program = program;
  }

  /** The program was asked to end. */
  get hasAsked(): boolean {
    return this.#hasAsked;
  }

  /**
   * The newest beat counts; an older one that comes later changes nothing. Nor does one that was sent when the program
   * should have been asked already: both of us stood still meanwhile (a machine that was frozen), and the attempt may be
   * about to be given away.
   */
  confirm({ sentMs, leaseMs }: Fence): void {
    if (this.#isLifted || this.#hasAsked || sentMs <= this.#sentMs || sentMs >= this.#askAtMs) return;
    const { askAfterMs, killAfterMs } = leaseTimes(leaseMs);
    this.#sentMs = sentMs;
    this.#askAtMs = sentMs + askAfterMs;
    this.#at(this.#askAtMs, () => {
      this.#hasAsked = true;
      this.#program.onAsk();
      this.#at(sentMs + killAfterMs, () => this.#program.onKill());
    });
  }

  /** The program has ended. */
  lift(): void {
    this.#isLifted = true;
    clearTimeout(this.#timer);
  }

  /** Timers may come a moment early, and know at most 24 days. */
  #at(dueMs: number, action: () => void): void {
    clearTimeout(this.#timer);
    const leftMs = dueMs - machineMs();
    if (leftMs <= 0) return action();
    this.#timer = setTimeout(() => this.#at(dueMs, action), Math.min(leftMs, 3_600_000));
  }
}

/** Whether a program that begins now would be asked to end at once. */
export function isTooLate({ sentMs, leaseMs }: Fence): boolean {
  return machineMs() >= sentMs + leaseTimes(leaseMs).askAfterMs;
}
