import { AppError } from '../../contract/errors.ts';
import type { Job } from '../../contract/job.ts';
import { Gather } from '../../lib/gather.ts';
import type { Bell, ClaimedJob, JobStore, NewJob, SubmitOutcome } from './ports.ts';
import type { StoredJob, Submits } from './submit-ports.ts';
import type { LocalWork } from './local-ports.ts';
import { draining, invalid, unknownQueue } from './refusals.ts';
import { toNewJob } from './new-job.ts';
import { settleDependantsOf } from './settle.ts';
import { checkSubmit, type SubmitCheckOptions } from './submit-check.ts';

export interface SubmitsOptions extends SubmitCheckOptions {
  store: Pick<JobStore, 'submit' | 'submitClaimed' | 'settleDependants'>;
  bell: Bell;
  here: LocalWork;
  /** Why nothing more is accepted now. */
  obstacle(): string | null;
}

/** How jobs come in. The only use case that asks for kinds. */
export function createSubmits(options: SubmitsOptions): Submits {
  const { store, bell, obstacle, here } = options;
  const storeAll = async (batch: NewJob[]): Promise<SubmitOutcome[]> => {
    const claimed = await submitClaimed(batch, { store, here });
    return claimed ? [claimed] : store.submit(batch);
  };
  const batches = new Gather(storeAll, { maxItems: 500, maxRunning: 2 });
  return {
    check: async (request) => void (await checkSubmit(request, options)),

    submit: async (request) => {
      const full = obstacle();
      if (full !== null) throw new AppError('storage_full', full);
      const job = await checkSubmit(request, options);
      const outcome = await batches.add(job);
      const stored = toStored(outcome, job);
      if (!stored.isNew) return stored;
      if (job.state === 'queued' && !isClaimed(outcome)) bell.ring([{ queue: job.queue, needs: job.needs }]);
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

/** A job that comes alone and could begin at once is stored as running, where a slot of this process is free. */
async function submitClaimed(
  batch: readonly NewJob[],
  { store, here }: Pick<SubmitsOptions, 'store' | 'here'>,
): Promise<SubmitOutcome | null> {
  const [job] = batch;
  if (!job || batch.length > 1 || job.state !== 'queued' || job.ownLane !== null || job.run?.files)
    return null;
  const claim = here.worker?.claimForSubmit(job);
  if (!claim) return null;
  let claimed: ClaimedJob | null = null;
  try {
    claimed = await store.submitClaimed(job, claim.request);
  } finally {
    claim.answered(claimed && [claimed]);
  }
  if (!claimed) return null;
  const { uid, queue, needs } = job;
  const { jobId: id, claimedAt: submittedAt } = claimed;
  return { status: 'stored', id, uid, place: { queue, needs }, isNew: true, submittedAt, isClaimed: true };
}

function isClaimed(outcome: SubmitOutcome): boolean {
  return outcome.status === 'stored' && outcome.isClaimed === true;
}

type Stored = Extract<SubmitOutcome, { status: 'stored' }>;

function toView(job: NewJob, { id, submittedAt, isClaimed }: Stored): Job | null {
  return submittedAt ? toNewJob(job, { id, submittedAt, isClaimed: isClaimed === true }) : null;
}

function toStored(outcome: SubmitOutcome, job: NewJob): StoredJob {
  switch (outcome.status) {
    case 'stored':
      return { id: outcome.id, uid: outcome.uid, isNew: outcome.isNew, job: toView(job, outcome) };
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
