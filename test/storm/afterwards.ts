import { noRetry } from '../../src/contract/job.ts';
import type { AttemptKey } from '../../src/contract/attempt.ts';
import { emptyOutcome } from '../../src/domain/jobs/ports.ts';
import type { JobStore } from '../../src/domain/jobs/ports.ts';
import { toFinish } from '../../src/domain/jobs/decide.ts';
import { createFleetStore } from '../../src/adapters/store/fleet/fleet-store.ts';
import { createJobStore } from '../../src/adapters/store/job-store.ts';
import { joinWorker } from '../support/jobs.ts';
import { allLabels, kinds, queues } from './jobs-of-storm.ts';
import type { Storm } from './storm.ts';

const deadlineMs = 60_000;

/** Lets everything that a storm has left run to its end; says what cannot. */
export async function runToTheEnd(storm: Storm): Promise<string[]> {
  const { db } = storm;
  const store = createJobStore(db);
  const fleet = createFleetStore(db);
  for (const queue of queues) await fleet.putQueue(queue, { paused: false, draining: false });
  const worker = await joinWorker(db, { queues: ['*'], labels: allLabels, kinds });
  const startedAt = performance.now();
  let live = await countLive(storm);
  while (live > 0 && performance.now() - startedAt < deadlineMs) {
    await endRunning(storm, store);
    await store.settleDependants({ of: null, limit: 1_000 });
    await store.bringBackRetries();
    await store.sweep(1_000);
    await worker.claim(200);
    live = await countLive(storm);
  }
  const lanes = await db.query<{ key: string; taken: number }>(
    'select key, taken from lanes where taken <> 0',
  );
  return [
    ...(live > 0 ? [`${live} jobs never come to their end`] : []),
    ...lanes.map(({ key, taken }) => `${taken} places of the lane ${key} stay taken by nobody`),
  ];
}

async function countLive({ plain }: Storm): Promise<number> {
  const [row] = await plain.query<{ live: number }>(
    'select (select count(*) from queued) + (select count(*) from running) as live',
  );
  return row?.live ?? 0;
}

async function endRunning({ plain }: Storm, store: JobStore): Promise<void> {
  const running = await plain.query<AttemptKey>(
    'select job_id as "jobId", number, token from running order by job_id limit 500',
  );
  const now = new Date();
  const outcome = emptyOutcome('succeeded', { reason: null, endedAt: now.toISOString() });
  await store.finish(
    running.map((key) =>
      toFinish({ attempt: { ...key, retry: noRetry, tries: 1 }, outcome, actor: 'ana' }, now),
    ),
  );
}
