/** What comes to a worker at moments that only its own process can choose. */
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { z } from 'zod';
import { createJobReader } from '../../src/adapters/store/job-reader.ts';
import { createJobStore } from '../../src/adapters/store/job-store.ts';
import { createOutputStore } from '../../src/adapters/store/output-store.ts';
import { createWorker } from '../../src/app/worker.ts';
import { systemActor } from '../../src/contract/actor.ts';
import { retryPolicy, type Attempt, type Job } from '../../src/contract/job.ts';
import type { WorkerStore } from '../../src/domain/fleet/ports.ts';
import { toFinish } from '../../src/domain/jobs/decide.ts';
import { emptyOutcome } from '../../src/domain/jobs/ports.ts';
import type { ClaimedJob, Jobs, NewJob } from '../../src/domain/jobs/ports.ts';
import { decodeChunk } from '../../src/domain/output/chunk.ts';
import { createKindRegistry, defineKind, type KindDefinition } from '../../src/kinds/define-kind.ts';
import { delay } from '../../src/lib/delay.ts';
import type { Worker } from '../../src/worker/worker.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { endProcesses } from '../support/faults/processes.ts';
import { submitOne } from '../support/jobs.ts';
import { pollUntil } from '../support/poll.ts';
import { createTestProduct } from '../support/product.ts';

let database: TestDatabase;
let folder = '';

beforeEach(async () => {
  database = await createTestDatabase();
  await createOutputStore(database.db).preparePartitions(2);
  folder = mkdtempSync(join(tmpdir(), 'daybook-stopping-'));
});

afterEach(async () => {
  await endProcesses(folder);
  await database.drop();
  rmSync(folder, { recursive: true, force: true });
});

const noInput = { input: z.object({}), result: z.object({}) };

/** A worker of this process that runs these kinds; `around` stands between it and its stores. */
async function startWorker(
  kinds: readonly KindDefinition[],
  { env = {}, around = {} }: { env?: Record<string, string>; around?: Around } = {},
): Promise<Worker> {
  const product = createTestProduct(database.db, { env: { DAYBOOK_DATA: folder, ...env } });
  const { attemptsDirectory, homeDirectory } = product.config.data;
  for (const directory of [attemptsDirectory, homeDirectory]) mkdirSync(directory, { recursive: true });
  const { jobs } = product.domains;
  const { workers } = product.stores;
  const domains = {
    ...product.domains,
    jobs: Object.assign(Object.create(jobs) as typeof jobs, around.jobs?.(jobs)),
    kinds: createKindRegistry(kinds),
  };
  const stores = { ...product.stores, workers: { ...workers, ...around.workers?.(workers) } };
  const account = { name: 'somebody', isolation: null, ids: null, ownerIds: null, promise: '' };
  const worker = createWorker({ ...product, domains, stores }, account);
  await worker.start();
  return worker;
}

interface Around {
  jobs?: (jobs: Jobs) => Partial<Jobs>;
  workers?: (workers: WorkerStore) => Partial<WorkerStore>;
}

const counting = (onRun: () => void): KindDefinition =>
  defineKind({
    ...noInput,
    name: 'counting',
    title: 'Counting',
    description: 'Counts how often it ran.',
    nameOf: () => 'counting',
    runsProgram: false,
    createRun: () => async () => {
      onRun();
      return { state: 'succeeded' };
    },
  });

const sleeping = (seconds: number): KindDefinition =>
  defineKind({
    ...noInput,
    name: 'sleeping',
    title: 'Sleeping',
    description: 'Runs for some seconds.',
    nameOf: () => 'sleeping',
    runsProgram: true,
    createRun:
      () =>
      async (_job, { program }) => {
        const plan = { file: 'sleep', args: [String(seconds)], script: null };
        const { status, ...end } = await program(async () => plan);
        return status === 'ended' && end.exitCode === 0
          ? { state: 'succeeded' }
          : { state: 'failed', reason: 'exit', message: 'Did not sleep.' };
      },
  });

const submit = (kind: string, change: Partial<NewJob> = {}): Promise<number> =>
  submitOne(createJobStore(database.db), { kind, input: {}, ...change });
const jobOf = (id: number): Promise<Job | null> => createJobReader(database.db).byId(id, systemActor('test'));
const attemptsOf = (id: number): Promise<Attempt[]> =>
  createJobReader(database.db).attempts(id, systemActor('test'));

it('a job that was claimed while its worker stopped is not begun, and waits for nobody', async () => {
  let runs = 0;
  const { promise: isOpen, resolve: open } = Promise.withResolvers<void>();
  let claimed: ClaimedJob[] = [];
  const id = await submit('counting');
  const worker = await startWorker([counting(() => (runs += 1))], {
    around: {
      jobs: (jobs) => ({
        claim: async (request) => {
          claimed = await jobs.claim(request);
          if (claimed.length > 0) await isOpen;
          return claimed;
        },
      }),
    },
  });
  await pollUntil(
    () => claimed,
    ({ length }) => length > 0,
  );
  const stopped = worker.stop();
  open();
  await stopped;

  expect(runs).toBe(0);
  expect(worker.running).toBe(0);
  expect(await jobOf(id)).toMatchObject({ state: 'queued' });
  expect(await attemptsOf(id)).toMatchObject([{ state: 'released' }]);
});

it('what is claimed by a worker that counts as silent and has not noticed yet is not taken for lost', async () => {
  const id = await submit('sleeping');
  const worker = await startWorker([sleeping(3)], {
    env: { DAYBOOK_LEASE_SECONDS: '5' },
    around: {
      jobs: (jobs) => ({
        claim: async (request) => {
          const claimed = await jobs.claim(request);
          if (claimed.length > 0) await database.db.query(`update workers set state = 'silent'`);
          return claimed;
        },
      }),
    },
  });
  const job = await pollUntil(
    () => jobOf(id),
    (one) => one?.endedAt != null,
  );
  expect(job).toMatchObject({ state: 'succeeded', attempt: 1 });
  expect(await database.db.query('select state from workers')).toEqual([{ state: 'active' }]);
  await worker.stop();
});

it('beats whose answers are late keep its programs from their fences', async () => {
  const worker = await startWorker([sleeping(5)], {
    env: { DAYBOOK_LEASE_SECONDS: '4' },
    around: {
      workers: (workers) => ({
        beat: async (...args) => {
          const beat = await workers.beat(...args);
          // For an answer within a quarter of a lease it waits.
          await delay(1_200);
          return beat;
        },
      }),
    },
  });
  const id = await submit('sleeping', { retry: retryPolicy.parse({ attempts: 2, on: ['lost'] }) });
  const job = await pollUntil(
    () => jobOf(id),
    (one) => one?.endedAt != null,
  );
  expect(job).toMatchObject({ state: 'succeeded', attempt: 1 });
  await worker.stop();
});

it('what a program printed after its attempt was given up, and nobody stored, is marked as missing', async () => {
  const output = createOutputStore(database.db);
  const printing = defineKind({
    ...noInput,
    name: 'printing',
    title: 'Printing',
    description: 'Prints now, and a moment later.',
    nameOf: () => 'printing',
    runsProgram: true,
    createRun:
      () =>
      async (_job, { program }) => {
        const args = ['-c', 'echo 1; until [ -e later ]; do sleep 0.05; done; echo 2; touch done; sleep 60'];
        await program(async () => ({ file: 'sh', args, script: null }));
        return { state: 'succeeded' };
      },
  });
  const id = await submit('printing');
  let claimed: ClaimedJob[] = [];
  const worker = await startWorker([printing], {
    around: { jobs: (jobs) => ({ claim: async (request) => (claimed = await jobs.claim(request)) }) },
  });
  const home = createTestProduct(database.db, { env: { DAYBOOK_DATA: folder } }).config.data.homeDirectory;
  const attempt = await pollUntil(() => claimed[0], Boolean);
  if (!attempt) throw new Error('it was claimed');
  await pollUntil(() => output.last(attempt), Boolean);
  await worker.stop();
  writeFileSync(join(home, 'later'), '');
  await pollUntil(() => existsSync(join(home, 'done')), Boolean);
  // As by the rescuer, whose mark gave way to what the worker stored then.
  const outcome = emptyOutcome('failed', { reason: 'lost', endedAt: new Date().toISOString() });
  const store = createJobStore(database.db);
  await store.finish([toFinish({ attempt, outcome, actor: 'system:rescuer' }, new Date())]);

  await startWorker([printing]);
  const [lost] = await pollUntil(
    () => attemptsOf(id),
    ([one]) => (one?.lateResults.length ?? 0) > 0,
  );
  expect(lost).toMatchObject({ state: 'failed', reason: 'lost' });
  const last = await output.last(attempt);
  const records = last ? await decodeChunk(last) : [];
  expect(records.map(({ kind, bytes }) => [kind, bytes.toString()])).toEqual([
    ['text', '1\n'],
    ['gap', expect.stringContaining('nobody stored')],
  ]);
});

it('a worker whose beats nobody confirmed for half a lease takes no job before the next one is', async () => {
  let isAway = false;
  let claims = 0;
  let refused = 0;
  const untilRefused = (more: number): Promise<number> => {
    const wanted = refused + more;
    return pollUntil(
      () => refused,
      (count) => count >= wanted,
    );
  };
  const worker = await startWorker([counting(() => {})], {
    env: { DAYBOOK_LEASE_SECONDS: '2' },
    around: {
      jobs: (jobs) => ({
        claim: (request) => {
          claims += 1;
          return jobs.claim(request);
        },
      }),
      workers: (workers) => ({
        beat: (...args) => {
          if (!isAway) return workers.beat(...args);
          refused += 1;
          return Promise.reject(new Error('nobody answers'));
        },
      }),
    },
  });
  isAway = true;
  // Five times a lease it beats, so this is more than a lease: until half of one a claim may still come.
  await untilRefused(6);
  const before = claims;
  const id = await submit('counting');
  await untilRefused(8);
  expect(claims).toBe(before);
  isAway = false;
  await pollUntil(
    () => jobOf(id),
    (job) => job?.state === 'succeeded',
  );
  await worker.stop();
});
