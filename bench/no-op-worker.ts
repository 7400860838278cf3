/**
 * A worker of the product with one kind more, which does nothing. Everything else is what `daybook worker` is made of.
 * Speaks as the peers do: `drain N` on standard input, jobs a second on standard output.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { NotifyRings } from '../src/adapters/queue/notify.ts';
import { createSession } from '../src/adapters/store/connection.ts';
import { migrate } from '../src/adapters/store/migrate.ts';
import { createWorker } from '../src/app/worker.ts';
import { submitOptions } from '../src/contract/job.ts';
import type { FinishedJob } from '../src/domain/jobs/ports.ts';
import { createSubmits } from '../src/domain/jobs/submits.ts';
import { createKindRegistry, defineKind } from '../src/kinds/define-kind.ts';
import { silentLogger } from '../src/lib/logger.ts';
import { createTestProduct } from '../test/support/product.ts';
import { openDatabase } from './postgres.ts';

const url = process.env['BENCH_DATABASE'] ?? '';
const folder = mkdtempSync(join(tmpdir(), 'daybook-bench-'));
const actor = { name: 'ana', accountId: null, role: 'member' } as const;
const nothing = defineKind({
  name: 'nothing',
  title: 'Nothing',
  description: 'Ends at once.',
  input: z.object({}),
  result: z.object({}),
  nameOf: () => 'nothing',
  runsProgram: false,
  createRun: () => async () => ({ state: 'succeeded' }),
});

const kinds = createKindRegistry([nothing]);
const db = openDatabase(url);
await migrate(db);
const rings = new NotifyRings({
  createSession: () => createSession({ connectionString: url }, 'daybook-bench'),
  db,
  logger: silentLogger,
});
const ends = { count: 0 };
const count = (finished: FinishedJob[]): FinishedJob[] => {
  ends.count += finished.filter(({ state }) => state === 'succeeded').length;
  return finished;
};
const product = createTestProduct(db, {
  env: { DAYBOOK_DATA: folder, DAYBOOK_SLOTS: '512' },
  rings,
  decorate: {
    jobStore: (store) => ({
      ...store,
      finish: async (batch) => count(await store.finish(batch)),
      finishAndClaim: async (batch, request) => {
        const both = await store.finishAndClaim(batch, request);
        count(both.finished);
        return both;
      },
    }),
  },
});
const { stores, domains } = product;
const { attemptsDirectory, homeDirectory } = product.config.data;
for (const path of [attemptsDirectory, homeDirectory]) mkdirSync(path);
const { submit } = createSubmits({
  store: stores.jobs,
  reader: stores.jobReader,
  files: stores.files,
  secrets: domains.secrets,
  kinds,
  bell: rings,
  here: domains.here,
  defaultTimeoutMs: null,
  jobVariables: [],
  findMissingScript: async () => null,
  obstacle: () => null,
});
await stores.output.preparePartitions(3);
const account = { name: 'root', isolation: null, ids: null, ownerIds: null, promise: '' };
const worker = createWorker({ ...product, domains: { ...domains, kinds } }, account);
await rings.start();
await worker.start();
for await (const line of createInterface({ input: process.stdin }))
  console.log(await drain(Number(line.split(' ')[1])));
await worker.stop();
await rings.stop();
await db.close();
rmSync(folder, { recursive: true, force: true });

async function drain(count: number): Promise<number> {
  await db.query(`update queues set paused = true where name = 'default'`);
  await submitAll(count);
  await db.query('checkpoint');
  ends.count = 0;
  const startedAt = performance.now();
  await db.query(`update queues set paused = false where name = 'default'`);
  rings.ring([{ queue: 'default', needs: [] }]);
  // Counted here: among many jobs that ended, a question for those that did not costs as much as ending some.
  while (ends.count < count) await delay(10);
  const rate = count / ((performance.now() - startedAt) / 1_000);
  const left = await db.query(`select from queued union all select from running limit 1`);
  if (left.length > 0) throw new Error('a job was counted twice');
  return rate;
}

async function submitAll(count: number): Promise<void> {
  const request = { kind: 'nothing', input: {}, options: submitOptions.parse({}), actor };
  for (let rest = count; rest > 0; rest -= 500)
    await Promise.all(Array.from({ length: Math.min(rest, 500) }, () => submit(request)));
}
