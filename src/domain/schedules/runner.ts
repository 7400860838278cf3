import { createHash } from 'node:crypto';
import type { Actor } from '../../contract/actor.ts';
import { errorCodes, isAppError } from '../../contract/errors.ts';
import { isAllowed } from '../../contract/permissions.ts';
import { scheduledOptions } from '../../contract/schedule.ts';
import type { Jobs } from '../jobs/ports.ts';
import type { SubmitRequest } from '../jobs/submit-ports.ts';
import type { PendingRun, ScheduleStore } from './ports.ts';

export interface RunnerOptions {
  store: Pick<ScheduleStore, 'findPending' | 'conclude'>;
  jobs: Pick<Jobs, 'submit' | 'cancel'>;
  /** Who somebody is now; null when the account is gone or disabled. */
  findActor(accountId: number | null): Promise<Actor | null>;
}

/** Longer lines of one schedule help nobody. */
const mostWaiting = 100;

/**
 * Submits what was decided. A run is recorded as pending before its submit and bears an idempotency key: whoever finds
 * it pending after a crash, or at the same time, gets the same job.
 */
export class Runner {
  readonly #options: RunnerOptions;

  constructor(options: RunnerOptions) {
    this.#options = options;
  }

  /** Does nothing when it is not pending any more. @throws AppError when nothing can be submitted just now */
  async carryOut(runId: number): Promise<void> {
    const { store, findActor } = this.#options;
    const run = await store.findPending(runId);
    if (!run) return;
    const obstacle = findOverlap(run);
    if (obstacle !== null) return store.conclude(runId, { outcome: 'overlap', message: obstacle });
    const actor = await findActor(run.schedule.ownerId);
    if (!actor || !isAllowed(actor, 'jobs.submit')) {
      const { owner, ownerIsGone } = run.schedule;
      const message = ownerIsGone
        ? `Its owner ${owner} has no account any more; an operator can take it over.`
        : `${owner} may not submit jobs any more.`;
      return store.conclude(runId, { outcome: 'refused', message });
    }
    await this.#submit(run, actor);
  }

  async #submit(run: PendingRun, actor: Actor): Promise<void> {
    const { store, jobs } = this.#options;
    try {
      if (run.schedule.overlap === 'replace' && run.unfinished.length > 0) {
        await jobs.cancel(
          run.unfinished.map(({ id }) => id),
          actor,
        );
      }
      // That its script has gone since is told by a job that fails, which people hear of.
      const stored = await jobs.submit({ ...toSubmit(run, actor), toleratesMissing: true });
      await store.conclude(run.runId, { outcome: 'submitted', jobId: stored.id });
    } catch (error) {
      if (!isAppError(error) || errorCodes[error.code].retryable) throw error;
      const details = error.details.map(({ field, message }) => `${field}: ${message}`).join('; ');
      await store.conclude(run.runId, { outcome: 'refused', message: details || error.message });
    }
  }
}

/** Why it is passed over; null: it is not. */
function findOverlap({ isAsked, schedule, unfinished }: PendingRun): string | null {
  const [oldest] = unfinished;
  if (isAsked || !oldest) return null;
  if (schedule.overlap === 'skip') return `Job ${oldest.id} is ${oldest.state}.`;
  if (schedule.overlap === 'queue' && unfinished.length >= mostWaiting)
    return `${unfinished.length} jobs have not ended.`;
  return null;
}

/** What of a run says what is submitted. */
type ScheduledSubmit = Pick<PendingRun, 'runId' | 'dueAt' | 'isAsked'> & {
  schedule: Pick<PendingRun['schedule'], 'id' | 'name' | 'overlap' | 'submit' | 'jitterSeconds'>;
};

/** What a schedule submits for a moment; the same each time. */
export function toSubmit({ runId, dueAt, isAsked, schedule }: ScheduledSubmit, actor: Actor): SubmitRequest {
  const { kind, input, ...rest } = schedule.submit;
  const options = scheduledOptions.parse(rest);
  const isOneAtATime = schedule.overlap === 'queue' || schedule.overlap === 'replace';
  return {
    kind: String(kind),
    input,
    options: {
      ...options,
      tags: [...options.tags, `schedule:${schedule.name}`],
      idempotencyKey: `schedule ${schedule.id} run ${runId}`,
      ...(isOneAtATime ? { concurrencyKey: options.concurrencyKey ?? `schedule ${schedule.id}` } : {}),
      ...(isAsked || schedule.jitterSeconds === 0
        ? {}
        : { runAt: new Date(dueAt.getTime() + jitterMs(schedule, dueAt)).toISOString() }),
    },
    actor,
  };
}

function jitterMs({ id, jitterSeconds }: { id: number; jitterSeconds: number }, dueAt: Date): number {
  const hash = createHash('sha256').update(`${id} ${dueAt.toISOString()}`).digest();
  return Math.floor((hash.readUInt32BE(0) / 2 ** 32) * jitterSeconds * 1000);
}
