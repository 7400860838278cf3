/** What comes to a worker of this process while it stops. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { z } from 'zod';
import { createJobReader } from '../../src/adapters/store/job-reader.ts';
import { createJobStore } from '../../src/adapters/store/job-store.ts';
import { createOutputStore } from '../../src/adapters/store/output-store.ts';
import { createWorker } from '../../src/app/worker.ts';
import { systemActor } from '../../src/contract/actor.ts';
import type { ClaimedJob } from '../../src/domain/jobs/ports.ts';
import { createKindRegistry, defineKind } from '../../src/kinds/define-kind.ts';
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

it('a job that was claimed while its worker stopped is not begun, and waits for nobody', async () => {
  let runs = 0;
  const counting = defineKind({
    name: 'counting',
    title: 'Counting',
    description: 'Counts how often it ran.',
    input: z.object({}),
    result: z.object({}),
    nameOf: () => 'counting',
    runsProgram: false,
    createRun: () => async () => {
      runs += 1;
      return { state: 'succeeded' };
    },
  });
  const product = createTestProduct(database.db, { env: { DAYBOOK_DATA: folder } });
  const { attemptsDirectory, homeDirectory } = product.config.data;
  for (const directory of [attemptsDirectory, homeDirectory]) mkdirSync(directory, { recursive: true });
  const { jobs } = product.domains;
  const { promise: isOpen, resolve: open } = Promise.withResolvers<void>();
  let claimed: ClaimedJob[] = [];
  const slowJobs = Object.assign(Object.create(jobs) as typeof jobs, {
    claim: async (...args: Parameters<typeof jobs.claim>) => {
      claimed = await jobs.claim(...args);
      if (claimed.length > 0) await isOpen;
      return claimed;
    },
  });
  const domains = { ...product.domains, jobs: slowJobs, kinds: createKindRegistry([counting]) };
  const account = { name: 'somebody', isolation: null, ids: null, ownerIds: null, promise: '' };
  const worker = createWorker({ ...product, domains }, account);
  const id = await submitOne(createJobStore(database.db), { kind: 'counting', input: {} });
  await worker.start();
  await pollUntil(
    () => claimed,
    ({ length }) => length > 0,
  );
  const stopped = worker.stop();
  open();
  await stopped;

  expect(runs).toBe(0);
  expect(worker.running).toBe(0);
  const reader = createJobReader(database.db);
  expect(await reader.byId(id, systemActor('test'))).toMatchObject({ state: 'queued' });
  expect(await reader.attempts(id, systemActor('test'))).toMatchObject([{ state: 'released' }]);
});
