import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { emptyOutcome } from '../../src/domain/jobs/ports.ts';
import type { ClaimedJob, JobStore } from '../../src/domain/jobs/ports.ts';
import { Rescuer, type RescuerOptions } from '../../src/domain/jobs/rescuer.ts';
import { appendGap } from '../../src/domain/output/gap-chunk.ts';
import { createJobReader } from '../../src/adapters/store/job-reader.ts';
import { createJobStore } from '../../src/adapters/store/job-store.ts';
import { createWorkerStore } from '../../src/adapters/store/fleet/worker-store.ts';
import { createOutputStore } from '../../src/adapters/store/output-store.ts';
import { silentLogger } from '../../src/lib/logger.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { ana, joinWorker, submitOne, succeeded } from '../support/jobs.ts';
import { silentRings } from '../support/product.ts';

let database: TestDatabase;
let store: JobStore;

beforeAll(async () => {
  database = await createTestDatabase();
  store = createJobStore(database.db);
});
afterAll(() => database.drop());

/** What a worker tells of a program that its killed predecessor left with the launcher. */
async function tellEnd({ jobId, number, token }: ClaimedJob, endedAt: string): Promise<void> {
  const outcome = emptyOutcome('failed', { reason: 'lost', exitCode: 0, endedAt });
  await store.finish([
    {
      jobId,
      number,
      token,
      outcome,
      next: { state: 'failed', runAt: null },
      family: null,
      actor: 'worker:a worker',
    },
  ]);
}

async function claimOne(): Promise<ClaimedJob> {
  const worker = await joinWorker(database.db);
  await submitOne(store);
  const [job] = await worker.claim(1);
  if (!job) throw new Error('nothing was claimed');
  return job;
}

async function lateResults(jobId: number): Promise<number> {
  const [attempt] = await createJobReader(database.db).attempts(jobId, ana);
  return attempt?.lateResults.length ?? -1;
}

describe('the end of a program that is told a second time', () => {
  it('is no late result when a worker was killed between the commit and the forgetting', async () => {
    const job = await claimOne();
    const endedAt = new Date(Date.now() + 5).toISOString();
    await store.finish([succeeded(job, { endedAt })]);
    await tellEnd(job, endedAt);
    expect(await lateResults(job.jobId)).toBe(0);
  });

  it('is a late result when the attempt had been given up', async () => {
    const job = await claimOne();
    await tellEnd(job, new Date(Date.now() + 60_000).toISOString());
    await tellEnd(job, new Date(Date.now() + 5).toISOString());
    expect(await lateResults(job.jobId)).toBe(1);
  });
});

/** Watches until every worker that is there was given up. */
async function giveUpAll(change: Partial<Pick<RescuerOptions, 'workers' | 'markGap'>>): Promise<void> {
  let nowMs = 0;
  const rescuer = new Rescuer({
    workers: createWorkerStore(database.db),
    jobs: store,
    bell: silentRings,
    markGap: appendGap,
    clock: { now: () => new Date(), monotonicMs: () => nowMs },
    logger: silentLogger,
    leaseMs: 1_000,
    ...change,
  });
  for (; nowMs <= 2_000; nowMs += 400) await rescuer.look();
}

describe('the end of a program that comes while its worker is given up', () => {
  it('is the only one where it comes first: no gap, no late result', async () => {
    const job = await claimOne();
    const workers = createWorkerStore(database.db);
    await giveUpAll({
      workers: {
        ...workers,
        giveUp: async (worker) => {
          const attempts = await workers.giveUp(worker);
          if (attempts.some(({ jobId }) => jobId === job.jobId)) await store.finish([succeeded(job)]);
          return attempts;
        },
      },
    });
    const [attempt] = await createJobReader(database.db).attempts(job.jobId, ana);
    expect(attempt).toMatchObject({ state: 'succeeded', lateResults: [] });
    expect(await createOutputStore(database.db).last(job)).toBeNull();
    const events = await database.db.query<{ name: string }>(
      'select name from events where job_id = $1 order by id',
      [job.jobId],
    );
    expect(events.map(({ name }) => name)).toEqual(['submitted', 'claimed', 'succeeded']);
  });

  it('is a late result where it comes second, of an attempt that shows its gap', async () => {
    const job = await claimOne();
    let told: Promise<unknown> = Promise.resolve();
    await giveUpAll({
      markGap: async (output, attempt, gap) => {
        if (attempt.jobId === job.jobId) told = store.finish([succeeded(job)]);
        await appendGap(output, attempt, gap);
      },
    });
    await told;
    const [attempt] = await createJobReader(database.db).attempts(job.jobId, ana);
    expect(attempt).toMatchObject({ state: 'failed', reason: 'lost', lateResults: [{}] });
    expect(await createOutputStore(database.db).last(job)).toMatchObject({ number: 0 });
  });
});
