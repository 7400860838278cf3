import { AppError } from '../../contract/errors.ts';
import { Gather } from '../../lib/gather.ts';
import type { OutputReader } from '../output/ports.ts';
import { toFinish } from './decide.ts';
import { readErrorLine } from './last-words.ts';
import type {
  AttemptOutcome,
  Bell,
  EndedAttempt,
  Finish,
  Jobs,
  JobReader,
  JobStore,
  NewJob,
  StoredJob,
  SubmitOutcome,
} from './ports.ts';
import { draining, invalid, unknownQueue } from './refusals.ts';
import { toStorable } from './storable.ts';
import { checkSubmit, requireBaseRuns, type SubmitCheckOptions } from './submit-check.ts';

export interface JobsOptions extends SubmitCheckOptions {
  store: JobStore;
  reader: Pick<JobReader, 'known' | 'attemptRef'>;
  output: Pick<OutputReader, 'tail'>;
  bell: Bell;
  /** Why nothing more is accepted now. */
  obstacle(): string | null;
}

/** Dependants decided about at once; the sweep takes the rest. */
const settleLimit = 1_000;

/** The use cases: what people and workers do with jobs. Decides, tells the store, rings. */
export function createJobs(options: JobsOptions): Jobs {
  const { store, reader, output, bell, obstacle } = options;
  const submits = new Gather((batch: NewJob[]) => store.submit(batch), { maxItems: 500, maxRunning: 2 });
  const finishes = new Gather((batch: Finish[]) => store.finish(batch), { maxItems: 200 });

  const settle = async (of: readonly number[]): Promise<void> => {
    const { places } = await store.settleDependants({ of, limit: settleLimit });
    bell.ring(places);
  };
  const withErrorLine = async ({ attempt, outcome }: EndedAttempt): Promise<AttemptOutcome> =>
    outcome.state === 'failed' && outcome.errorLine === null
      ? { ...outcome, errorLine: await readErrorLine(attempt, { reader, output }) }
      : outcome;

  return {
    check: async (request) => void (await checkSubmit(request, options)),

    submit: async (request) => {
      const full = obstacle();
      if (full !== null) throw new AppError('storage_full', full);
      const job = await checkSubmit(request, options);
      const outcome = await submits.add(job);
      const stored = toStored(outcome, job);
      if (stored.isNew && job.state === 'queued') bell.ring([{ queue: job.queue, needs: job.needs }]);
      if (stored.isNew && job.state === 'waiting') await settle(job.after.map(({ jobId }) => jobId));
      if (stored.isNew) bell.announce();
      return stored;
    },

    cancel: async (ids, actor) => {
      const touched = await store.cancel(ids, actor.name);
      bell.callWorkers(touched.flatMap(({ workerId }) => workerId ?? []));
      const ended = touched.flatMap((one) => (one.state === 'cancelled' ? [one.id] : []));
      if (ended.length > 0) await settle(ended);
      if (touched.length > 0) bell.announce();
      return touched.map(({ id, state }) => ({ id, state }));
    },

    retry: async (id, actor) => {
      const retried = await store.retry(id, actor.name);
      if (!retried) return false;
      if (retried === 'queue_draining')
        throw new AppError(
          'queue_draining',
          `The queue of job ${id} takes no new jobs; it only runs what it has.`,
          {
            details: [
              {
                field: 'queue',
                message: 'takes no new jobs; move the work to another queue by running it again',
              },
            ],
          },
        );
      if (retried.state === 'queued') bell.ring([retried.place]);
      else bell.ring((await store.settleDependants({ of: null, limit: settleLimit })).places);
      bell.announce();
      return true;
    },

    change: async (id, change, actor) => {
      if (change.baseRuns?.some((base) => 'jobId' in base && base.jobId === id))
        throw invalid([{ field: 'baseRuns', message: `job ${id} cannot be compared with itself` }]);
      await requireBaseRuns(change.baseRuns ?? [], reader, actor);
      const outcome = await store.change(id, change, actor.name);
      if (outcome.status === 'unknown_queue') throw unknownQueue(change.queue ?? '');
      if (outcome.status === 'queue_draining') throw draining(change.queue ?? '');
      if (outcome.status === 'unknown_base') {
        throw invalid([{ field: 'baseRuns', message: 'one of these jobs was removed meanwhile' }]);
      }
      if (outcome.status === 'refused') return false;
      if (outcome.place) bell.ring([outcome.place]);
      bell.announce();
      return true;
    },

    remove: async (id) => {
      const isRemoved = await store.remove(id);
      if (isRemoved) bell.announce();
      return isRemoved;
    },

    claim: async (request) => {
      const claimed = await store.claim(request);
      if (claimed.length > 0) bell.announce();
      return claimed;
    },

    finish: async (ended) => {
      const outcome = toStorable(await withErrorLine(ended));
      const finished = await finishes.add(toFinish({ ...ended, outcome }, new Date()));
      if (finished.place && finished.state === 'queued') bell.ring([finished.place]);
      if (finished.freedLanes.length > 0) bell.ring(await store.sweep(100));
      if (finished.hasDependants) await settle([ended.attempt.jobId]);
      bell.announce();
      return finished;
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
