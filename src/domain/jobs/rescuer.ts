import { toFinish } from './decide.ts';
import { emptyOutcome } from './ports.ts';
import type { Bell, JobStore } from './ports.ts';
import type { WatchedWorker, WorkerStore } from '../fleet/ports.ts';
import type { AttemptRef } from '../output/ports.ts';
import type { Clock } from '../../lib/clock.ts';
import { delay } from '../../lib/delay.ts';
import type { Logger } from '../../lib/logger.ts';
import type { Duty } from '../../lib/service.ts';

export interface RescuerOptions {
  workers: Pick<WorkerStore, 'watched' | 'giveUp'>;
  jobs: Pick<JobStore, 'finish'>;
  bell: Bell;
  /** Marks that output of the attempt may be missing from here on. */
  markGap(attempt: AttemptRef, gap: { reason: string; at: Date }): Promise<void>;
  clock: Clock;
  logger: Logger;
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
    return nowMs - watch.sinceMs > this.#options.leaseMs;
  }

  async #rescue(worker: WatchedWorker): Promise<void> {
    const { workers, jobs, bell, clock, logger, markGap } = this.#options;
    const attempts = await workers.giveUp(worker);
    this.#watches.delete(worker.id);
    logger.warn(
      { worker: worker.name, attempts: attempts.length },
      'A worker fell silent; its attempts are lost.',
    );
    const message = `The worker ${worker.name} fell silent; whether the program ended, and how, is not known.`;
    const reason = `The worker ${worker.name} fell silent; what it had not stored by then is missing.`;
    // Before the end, as all output is: whoever sees the attempt ended sees the mark.
    for (const { job } of attempts) await markGap(job, { reason, at: clock.now() });
    const now = clock.now();
    const outcome = emptyOutcome('failed', { reason: 'lost', message, endedAt: now.toISOString() });
    const finished = await jobs.finish(
      attempts.map(({ job: attempt }) => toFinish({ attempt, outcome, actor: 'system:rescuer' }, now)),
    );
    bell.ring(finished.flatMap(({ place }) => place ?? []));
    bell.announce();
  }

  #forgetOthers(workers: readonly WatchedWorker[]): void {
    const ids = new Set(workers.map(({ id }) => id));
    for (const id of this.#watches.keys()) if (!ids.has(id)) this.#watches.delete(id);
  }
}
