import type { WorkerStore } from '../fleet/ports.ts';
import type { ClaimedJob, Finish, FinishedJob, JobStore } from '../jobs/ports.ts';
import { isEnded } from '../../contract/states.ts';
import type { OutputStore } from '../output/ports.ts';
import type { Metrics } from './ports.ts';

/** The same store, counting what it did. */
export function measureJobStore(store: JobStore, metrics: Metrics): JobStore {
  return {
    ...store,
    submit: async (batch) => {
      const outcomes = await store.submit(batch);
      metrics.submitted(outcomes.filter((one) => one.status === 'stored' && one.isNew).length);
      return outcomes;
    },
    submitClaimed: async (job, request) => {
      const claimed = await store.submitClaimed(job, request);
      if (claimed) {
        metrics.submitted(1);
        countClaims(metrics, [claimed]);
      }
      return claimed;
    },
    claim: async (request) => {
      const jobs = await store.claim(request);
      countClaims(metrics, jobs);
      return jobs;
    },
    finishAndClaim: async (batch, request) => {
      const both = await store.finishAndClaim(batch, request);
      for (const [index, one] of both.finished.entries()) countEnd(metrics, batch[index], one);
      countClaims(metrics, both.claimed);
      return both;
    },
    finish: async (batch) => {
      const finished = await store.finish(batch);
      for (const [index, one] of finished.entries()) countEnd(metrics, batch[index], one);
      return finished;
    },
    lose: async (finish, work) => {
      const lost = await store.lose(finish, work);
      if (lost) countEnd(metrics, finish, lost);
      return lost;
    },
  };
}

function countClaims(metrics: Metrics, jobs: readonly ClaimedJob[]): void {
  // Of a later try it is not told when it came to wait.
  metrics.claimed(
    jobs.map(({ kind, number, waitedMs }) => ({
      kind,
      seconds: number === 1 && waitedMs !== undefined ? waitedMs / 1000 : null,
    })),
  );
}

export function measureWorkerStore(store: WorkerStore, metrics: Metrics): WorkerStore {
  return {
    ...store,
    giveUp: async (worker) => {
      const attempts = await store.giveUp(worker);
      metrics.rescued();
      return attempts;
    },
  };
}

function countEnd(
  metrics: Metrics,
  finish: Finish | undefined,
  { status, state, kind, ranMs }: FinishedJob,
): void {
  if (!finish) return;
  if (status === 'stale') return metrics.lateResult();
  if (kind === null) return;
  const { outcome } = finish;
  metrics.attemptEnded({ kind, state: outcome.state, reason: outcome.reason, seconds: ranMs / 1000 });
  if (state === null || !isEnded(state)) return;
  metrics.jobEnded({ kind, state, reason: state === 'failed' ? outcome.reason : null });
}

export function measureOutputStore(store: OutputStore, metrics: Metrics): OutputStore {
  return {
    ...store,
    write: async (chunks) => {
      const startedMs = performance.now();
      try {
        await store.write(chunks);
      } catch (error) {
        metrics.outputRefused();
        throw error;
      }
      const bytes = chunks.reduce((sum, { data }) => sum + data.length, 0);
      metrics.outputStored({ bytes, seconds: (performance.now() - startedMs) / 1000 });
    },
  };
}
