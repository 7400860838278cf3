import { AppError } from '../../contract/errors.ts';
import { Gather } from '../../lib/gather.ts';
import type { Bell, JobStore, NewJob, StoredJob, SubmitOutcome, Submits } from './ports.ts';
import { draining, invalid, unknownQueue } from './refusals.ts';
import { settleDependantsOf } from './settle.ts';
import { checkSubmit, type SubmitCheckOptions } from './submit-check.ts';

export interface SubmitsOptions extends SubmitCheckOptions {
  store: Pick<JobStore, 'submit' | 'settleDependants'>;
  bell: Bell;
  /** Why nothing more is accepted now. */
  obstacle(): string | null;
}

/** How jobs come in. The only use case that asks for kinds. */
export function createSubmits(options: SubmitsOptions): Submits {
  const { store, bell, obstacle } = options;
  const batches = new Gather((batch: NewJob[]) => store.submit(batch), { maxItems: 500, maxRunning: 2 });
  return {
    check: async (request) => void (await checkSubmit(request, options)),

    submit: async (request) => {
      const full = obstacle();
      if (full !== null) throw new AppError('storage_full', full);
      const job = await checkSubmit(request, options);
      const stored = toStored(await batches.add(job), job);
      if (!stored.isNew) return stored;
      if (job.state === 'queued') bell.ring([{ queue: job.queue, needs: job.needs }]);
      if (job.state === 'waiting')
        await settleDependantsOf(
          job.after.map(({ jobId }) => jobId),
          { store, bell },
        );
      bell.announce();
      return stored;
    },
  };
}

function toStored(outcome: SubmitOutcome, job: NewJob): StoredJob {
  switch (outcome.status) {
    case 'stored':
      return { id: outcome.id, uid: outcome.uid, isNew: outcome.isNew };
    case 'key_conflict':
      throw new AppError(
        'idempotency_conflict',
        `The idempotency key "${job.idempotency?.key}" was used before with another body. Use a new key for another job.`,
      );
    case 'unknown_queue':
      throw unknownQueue(job.queue);
    case 'queue_draining':
      throw draining(job.queue);
    case 'refused':
      throw invalid([{ field: 'input', message: outcome.message }]);
  }
}
