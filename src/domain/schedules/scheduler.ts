import { isAppError } from '../../contract/errors.ts';
import type { Clock } from '../../lib/clock.ts';
import { delay } from '../../lib/delay.ts';
import type { Logger } from '../../lib/logger.ts';
import type { Duty } from '../../lib/service.ts';
import { correctCursor, decideMoments } from './decide.ts';
import type { ScheduleStore } from './ports.ts';
import type { Runner } from './runner.ts';

export interface SchedulerOptions {
  store: Pick<ScheduleStore, 'ahead' | 'correct' | 'due' | 'decide' | 'pending'>;
  runner: Runner;
  clock: Clock;
  /** How late a moment may be looked at and is kept all the same. */
  graceMs: number;
  logger: Logger;
}

const lookEveryMs = 1_000;
const atOnce = 200;

/**
 * Decides due moments and submits their jobs. Run by the leader.
 *
 * A moment goes through two steps, each safe to be killed in or to be done by two at once. *Decide*: the cursor moves
 * over the moment and the moment is recorded, in one transaction that only one of two can make. *Carry out*: what is
 * pending is submitted under an idempotency key of its own, and recorded as submitted.
 */
export class Scheduler implements Duty {
  readonly name = 'scheduler';
  readonly #options: SchedulerOptions;

  constructor(options: SchedulerOptions) {
    this.#options = options;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock, logger } = this.#options;
    while (!signal.aborted) {
      try {
        await this.look(signal);
      } catch (error) {
        logger.warn({ err: error }, 'Schedules could not be looked at; trying again.');
      }
      // Right after the whole second, when cron moments are due.
      await delay(lookEveryMs - (clock.now().getTime() % lookEveryMs) + 5, signal);
    }
  }

  /** Decides everything that is due, then submits everything that is pending. */
  async look(signal?: AbortSignal): Promise<void> {
    const { store, clock, graceMs } = this.#options;
    const now = clock.now();
    await this.#correct(now);
    for (const schedule of await store.due(now, atOnce)) {
      if (signal?.aborted) return;
      await store.decide(schedule, decideMoments(schedule, { now, graceMs }));
    }
    for (const runId of await store.pending(atOnce)) {
      if (signal?.aborted) return;
      await this.#carryOut(runId);
    }
  }

  /** A clock that was ahead has moved cursors into the future; until then their schedules would be silent. */
  async #correct(now: Date): Promise<void> {
    const { store, logger } = this.#options;
    for (const schedule of await store.ahead(now, atOnce)) {
      const corrected = correctCursor(schedule, now);
      if (!corrected || !(await store.correct(schedule, { now, ...corrected }))) continue;
      logger.warn(
        { schedule: schedule.name, cursor: schedule.cursor, nextAt: corrected.nextAt },
        'A schedule had been decided far into the future by a clock that was ahead; it goes on from now.',
      );
    }
  }

  async #carryOut(runId: number): Promise<void> {
    try {
      await this.#options.runner.carryOut(runId);
    } catch (error) {
      // It stays pending; the others have a try of their own.
      const message = isAppError(error) ? error.message : undefined;
      this.#options.logger.warn({ err: error, runId }, message ?? 'A scheduled job could not be submitted.');
    }
  }
}
