import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { emptyOutcome } from '../../src/domain/jobs/ports.ts';
import type { ClaimedJob, JobStore } from '../../src/domain/jobs/ports.ts';
import { createJobReader } from '../../src/adapters/store/job-reader.ts';
import { createJobStore } from '../../src/adapters/store/job-store.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { ana, joinWorker, submitOne, succeeded } from '../support/jobs.ts';

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
