import { AppError } from '../../contract/errors.ts';
import { Gather } from '../../lib/gather.ts';
import type { OutputReader } from '../output/ports.ts';
import { toFinish } from './decide.ts';
import { readErrorLine } from './last-words.ts';
import type {
  AttemptOutcome,
  Bell,
  ClaimedJob,
  EndedAttempt,
  Finish,
  FinishedJob,
  JobLife,
  JobStore,
} from './ports.ts';
import type { LocalWork } from './local-ports.ts';
import type { JobReader } from './reader-ports.ts';
import { draining, invalid, unknownQueue } from './refusals.ts';
import { settleDependantsOf } from './settle.ts';
import { toStorable } from './storable.ts';
import { requireBaseRuns } from './submit-check.ts';

export interface JobLifeOptions {
  store: JobStore;
  reader: Pick<JobReader, 'known' | 'attemptRef'>;
  output: Pick<OutputReader, 'tail'>;
  bell: Bell;
  here: LocalWork;
}

/** What people and workers do with jobs that are there. Decides, tells the store, rings. */
export function createJobLife({ store, reader, output, bell, here }: JobLifeOptions): JobLife {
  const finishAll = async (batch: Finish[]): Promise<FinishedJob[]> => {
    const claim = here.worker?.claimInPlaceOf(batch);
    if (!claim) return store.finish(batch);
    let claimed: readonly ClaimedJob[] | null = null;
    try {
      const both = await store.finishAndClaim(batch, claim.request);
      claimed = both.claimed;
      return both.finished;
    } finally {
      claim.answered(claimed);
    }
  };
  // Two: while one is under way what it will start is prepared, and what the other one started ends.
  const finishes = new Gather(finishAll, { maxItems: 256, maxRunning: 2 });
  const withErrorLine = async ({ attempt, outcome }: EndedAttempt): Promise<AttemptOutcome> =>
    outcome.state === 'failed' && outcome.errorLine === null && !outcome.isExplained
      ? { ...outcome, errorLine: await readErrorLine(attempt, { reader, output }) }
      : outcome;

  return {
    cancel: async (ids, actor, wish) => {
      const touched = await store.cancel(ids, actor.name, wish);
      bell.callWorkers(touched.flatMap(({ workerId }) => workerId ?? []));
      const ended = touched.flatMap((one) => (one.state === 'cancelled' ? [one.id] : []));
      if (ended.length > 0) await settleDependantsOf(ended, { store, bell });
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
      else await settleDependantsOf(null, { store, bell });
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
      if (finished.hasDependants) await settleDependantsOf([ended.attempt.jobId], { store, bell });
      bell.announce();
      return finished;
    },
  };
}
