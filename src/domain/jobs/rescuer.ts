import { toFinish } from './decide.ts';
import { emptyOutcome } from './ports.ts';
import type { Bell, ClaimedJob, FinishedJob, JobStore } from './ports.ts';
import type { WatchedWorker, WorkerStore } from '../fleet/ports.ts';
import type { MarkGap } from '../output/ports.ts';
import type { Clock } from '../../lib/clock.ts';
import { delay } from '../../lib/delay.ts';
import { leaseTimes } from '../../lib/lease.ts';
import type { Logger } from '../../lib/logger.ts';
import type { Duty } from '../../lib/service.ts';

export interface RescuerOptions {
  workers: Pick<WorkerStore, 'watched' | 'giveUp'>;
  jobs: Pick<JobStore, 'lose'>;
  bell: Bell;
  /** Marks that output of the attempt may be missing from here on. */
  markGap: MarkGap;
  clock: Clock;
  logger: Logger;
  /** Equal on all workers. */
  leaseMs: number;
}

interface Watch {
  incarnation: number;
  beat: number;
  sinceMs: number;
}

/**
 * Finds workers that fell silent and ends their attempts as lost.
 *
 * A worker raises a counter. It is silent when *we* have seen the counter stand still for one lease by our own
 * monotonic clock. Nobody's wall clock takes part, and nothing we did not watch counts: after a start, an error of the
 * database or a pause of our own (a stopped process, a suspended machine) every watch begins anew. So a clock step, an
 * outage or a cold start expires nobody by itself.
 *
 * What is given up may be started a second time: the job itself when it has tries left, else the next one of a limited
 * lane. The program of the first attempt must be gone by then, and nobody can ask the worker. So its launcher ends it
 * when no beat was confirmed for most of a lease (`launcher/fence.ts`). Why that is always earlier than `giveUp` here:
 *
 * 1. Take the newest beat that the database confirmed to the worker. The launcher counts from when the worker *sent* it.
 * 2. The counter stands at that beat, or at a later one whose answer got lost. We count from when we first *saw* it so,
 *    by the clock after the answer: it had been stored before, and sent before that.
 * 3. `giveUp` asks for the very value that we watched, so there was no later beat when it took effect. A worker that
 *    registers anew begins another incarnation, which is a beat of its own and another watch.
 * 4. So the launcher counts from an earlier moment than we, and to less (`leaseTimes`, of one and the same lease).
 *
 * No clock of two machines is compared; they need to run equally fast only. What it cannot cover: a machine that is
 * frozen as a whole and goes on later (a paused virtual machine, a suspended laptop) freezes its launcher as well, so a
 * program may go on for a moment beside its successor; and a launcher that was killed fences nothing until it is
 * started again, by a worker that comes back.
 */
export class Rescuer implements Duty {
  readonly name = 'rescuer';
  readonly #options: RescuerOptions;
  readonly #watches = new Map<string, Watch>();
  readonly #pollMs: number;
  #lastLookMs = -Infinity;

  constructor(options: RescuerOptions) {
    this.#options = options;
    this.#pollMs = Math.min(5_000, options.leaseMs / 5);
  }

  /** Watches until aborted. Run by the leader only, though two at once would do no harm. */
  async run(signal: AbortSignal): Promise<void> {
    this.#watches.clear();
    while (!signal.aborted) {
      await this.look().catch((error: unknown) => {
        this.#watches.clear();
        this.#options.logger.warn({ err: error }, 'Could not look after the workers; watching anew.');
      });
      await delay(this.#pollMs, signal);
    }
  }

  /** One look at all workers. */
  async look(): Promise<void> {
    const { clock, leaseMs } = this.#options;
    const workers = await this.#options.workers.watched();
    const nowMs = clock.monotonicMs();
    // We may have been asleep ourselves, and the workers with us.
    if (nowMs - this.#lastLookMs > leaseMs / 2) this.#watches.clear();
    this.#lastLookMs = nowMs;
    this.#forgetOthers(workers);
    for (const worker of workers) {
      if (this.#isSilent(worker, nowMs)) await this.#rescue(worker);
    }
  }

  #isSilent(worker: WatchedWorker, nowMs: number): boolean {
    const watch = this.#watches.get(worker.id);
    if (!watch || watch.incarnation !== worker.incarnation || watch.beat !== worker.beat) {
      this.#watches.set(worker.id, { incarnation: worker.incarnation, beat: worker.beat, sinceMs: nowMs });
      return false;
    }
    return nowMs - watch.sinceMs > leaseTimes(this.#options.leaseMs).giveUpAfterMs;
  }

  async #rescue(worker: WatchedWorker): Promise<void> {
    const { workers, bell, logger } = this.#options;
    const attempts = await workers.giveUp(worker);
    this.#watches.delete(worker.id);
    logger.warn(
      { worker: worker.name, attempts: attempts.length },
      'A worker fell silent; its attempts are lost.',
    );
    for (const { job } of attempts) {
      const lost = await this.#lose(job, worker.name);
      if (lost?.place) bell.ring([lost.place]);
    }
    bell.announce();
  }

  /** Whoever sees the attempt lost sees the mark, and no attempt that ended by itself has one. */
  #lose(attempt: ClaimedJob, worker: string): Promise<FinishedJob | null> {
    const { jobs, clock, markGap } = this.#options;
    const now = clock.now();
    const message = `The worker ${worker} fell silent; whether the program ended, and how, is not known.`;
    const reason = `The worker ${worker} fell silent; what it had not stored by then is missing.`;
    const outcome = emptyOutcome('failed', { reason: 'lost', message, endedAt: now.toISOString() });
    return jobs.lose(toFinish({ attempt, outcome, actor: 'system:rescuer' }, now), (output) =>
      markGap(output, attempt, { reason, at: now }),
    );
  }

  #forgetOthers(workers: readonly WatchedWorker[]): void {
    const ids = new Set(workers.map(({ id }) => id));
    for (const id of this.#watches.keys()) if (!ids.has(id)) this.#watches.delete(id);
  }
}
