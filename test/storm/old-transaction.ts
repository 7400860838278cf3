import { createJobStore } from '../../src/adapters/store/job-store.ts';
import type { Database } from '../../src/adapters/store/database.ts';
import { joinWorker, newJob, succeeded } from '../support/jobs.ts';

const batchSize = 250;

export interface DrainFigures {
  jobs: number;
  /** Of claim and end together, for each job: of the first tenth of them, and of the last. */
  firstMicroseconds: number;
  lastMicroseconds: number;
}

/**
 * Runs so many jobs through claim and end while somebody looks at an old snapshot: no row that they leave behind can be
 * taken away, in no table and no index.
 */
export async function drainBesideOldTransaction(db: Database, jobs: number): Promise<DrainFigures> {
  const store = createJobStore(db);
  for (let submitted = 0; submitted < jobs; submitted += batchSize)
    await store.submit(Array.from({ length: Math.min(batchSize, jobs - submitted) }, () => newJob()));
  const worker = await joinWorker(db);
  return db.transaction(async (old) => {
    await old.query('set transaction isolation level repeatable read');
    await old.query('select pg_current_xact_id()');
    await old.query('select count(*) from queued');
    const took: number[] = [];
    for (;;) {
      const startedAt = performance.now();
      const claimed = await worker.claim(batchSize);
      if (claimed.length === 0) break;
      const ends = await store.finish(claimed.map((job) => succeeded(job)));
      const missed = ends.filter(({ status }) => status !== 'applied').length;
      if (missed > 0) throw new Error(`${missed} ends were not applied`);
      took.push(((performance.now() - startedAt) * 1_000) / claimed.length);
    }
    const tenth = Math.max(1, Math.floor(took.length / 10));
    return {
      jobs: jobs - (await countLive(db)),
      firstMicroseconds: meanOf(took.slice(0, tenth)),
      lastMicroseconds: meanOf(took.slice(-tenth)),
    };
  });
}

async function countLive(db: Database): Promise<number> {
  const [row] = await db.query<{ live: number }>(
    'select (select count(*) from queued) + (select count(*) from running) as live',
  );
  return row?.live ?? 0;
}

function meanOf(values: readonly number[]): number {
  return Math.round(values.reduce((sum, value) => sum + value, 0) / values.length);
}
