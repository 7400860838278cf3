/**
 * A worker of the product with one kind more, which does nothing. Everything else is what `daybook worker` is made of.
 * Speaks as the peers do: `drain N` on standard input, jobs a second on standard output.
 */
import { randomUUID } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { createCapsuleRecorder } from '../src/domain/again/capsule-recorder.ts';
import { createFiles } from '../src/domain/files/files.ts';
import { createJobLife } from '../src/domain/jobs/job-life.ts';
import type { Finish, Jobs } from '../src/domain/jobs/ports.ts';
import { createSubmits } from '../src/domain/jobs/submits.ts';
import { createKindRegistry, defineKind } from '../src/kinds/define-kind.ts';
import { systemClock } from '../src/lib/clock.ts';
import { silentLogger } from '../src/lib/logger.ts';
import { createOutputReader } from '../src/domain/output/reader.ts';
import { createOutputRecorder } from '../src/domain/output/recorder.ts';
import { NotifyRings } from '../src/adapters/queue/notify.ts';
import { createCapsuleStore } from '../src/adapters/store/capsule-store.ts';
import { createFileStore } from '../src/adapters/store/file-store.ts';
import { createJobReader } from '../src/adapters/store/job-reader.ts';
import { createWorkerStore } from '../src/adapters/store/fleet/worker-store.ts';
import { createJobStore } from '../src/adapters/store/job-store.ts';
import { migrate } from '../src/adapters/store/migrate.ts';
import { createOutputStore } from '../src/adapters/store/output-store.ts';
import { createPartStore } from '../src/adapters/store/part-store.ts';
import { createSeriesStore } from '../src/adapters/store/series-store.ts';
import { AttemptFolders } from '../src/worker/files/attempt-folders.ts';
import { LauncherClient } from '../src/launcher/client/client.ts';
import { createOutputCopies } from '../src/worker/files/output-copies.ts';
import { Worker } from '../src/worker/worker.ts';
import { openDatabase } from './postgres.ts';

const slots = 256;
const url = process.env['BENCH_DATABASE'] ?? '';
const folder = mkdtempSync(join(tmpdir(), 'daybook-bench-'));
const actor = { name: 'ana', accountId: null, role: 'member' } as const;
const nothing = defineKind({
  name: 'nothing',
  title: 'Nothing',
  description: 'Ends at once.',
  input: z.object({}),
  result: z.null(),
  nameOf: () => 'nothing',
  runsProgram: false,
  run: async () => ({ state: 'succeeded' }),
});

const db = openDatabase(url);
await migrate(db);
const store = createJobStore(db);
const fileStore = createFileStore(db);
const attempts = join(folder, 'attempts');
mkdirSync(attempts);
const ends = { count: 0 };
const outputStore = createOutputStore(db);
await outputStore.preparePartitions(3);
const output = createOutputReader(outputStore);
const kinds = createKindRegistry([nothing]);
const rings = new NotifyRings({
  connection: { connectionString: url },
  db,
  logger: silentLogger,
});
const options = {
  store: {
    ...store,
    finish: async (batch: readonly Finish[]) => {
      const finished = await store.finish(batch);
      ends.count += finished.filter(({ state }) => state === 'succeeded').length;
      return finished;
    },
  },
  reader: createJobReader(db),
  output,
  secrets: { findUnusable: async () => new Map() },
  files: fileStore,
  bell: rings,
  kinds,
  defaultTimeoutMs: null,
  obstacle: () => null,
};
const jobs: Jobs = { ...createJobLife(options), ...createSubmits(options) };
const worker = createWorker();
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
  await submitAll(jobs, count);
  await db.query('checkpoint');
  ends.count = 0;
  const startedAt = performance.now();
  await db.query(`update queues set paused = false where name = 'default'`);
  rings.ring([{ queue: 'default', needs: [] }]);
  // Counted here: among many jobs that ended, a question for those that did not costs as much as ending some.
  while (ends.count < count) await delay(10);
  const rate = count / ((performance.now() - startedAt) / 1_000);
  const left = await db.query(`select from jobs where state <> 'succeeded' limit 1`);
  if (left.length > 0) throw new Error('a job was counted twice');
  return rate;
}

async function submitAll({ submit }: Pick<Jobs, 'submit'>, count: number): Promise<void> {
  const options = { queue: 'default', labels: [], lanes: [], priority: 0, tags: [], baseRuns: [] };
  for (let rest = count; rest > 0; rest -= 500)
    await Promise.all(
      Array.from({ length: Math.min(rest, 500) }, () =>
        submit({ kind: 'nothing', input: {}, options, actor }),
      ),
    );
}

function createWorker(): Worker {
  return new Worker({
    id: randomUUID(),
    identity: { host: 'bench', pid: process.pid, version: '0' },
    settings: {
      name: 'bench',
      host: 'bench',
      version: '0',
      slots,
      queues: ['default'],
      labels: [],
      leaseMs: 60_000,
      killGraceMs: 5_000,
      outputLimitBytes: 1024 ** 3,
      defaultLimits: {},
      defaultNice: null,
      warnAt: null,
      minFreeBytes: 0,
      homeDirectory: folder,
      dataDirectory: folder,
      pinnedDirectory: folder,
      madeFilesLimitBytes: 1024 ** 3,
      programIds: null,
      programUser: null,
      programUserName: 'root',
      stdoutCopiesDirectory: null,
      stderrCopiesDirectory: null,
    },
    kinds,
    jobs,
    workers: createWorkerStore(db),
    store,
    series: createSeriesStore(db),
    parts: createPartStore(db),
    capsules: createCapsuleRecorder(createCapsuleStore(db)),
    secrets: { open: async () => ({ values: new Map() }) },
    files: createFiles({ store: fileStore, limitBytes: 1024 ** 3, obstacle: () => null }),
    fileStore,
    folders: new AttemptFolders(attempts, null),
    recorder: createOutputRecorder(outputStore, silentLogger),
    reader: output,
    launcher: new LauncherClient({ folder: join(folder, 'launcher'), idleSeconds: 1, logger: silentLogger }),
    copies: createOutputCopies(output, { stdout: null, stderr: null }, silentLogger),
    clock: systemClock,
    logger: silentLogger,
    listen: ({ onRing, onCall }) => {
      const stops = [
        rings.listen({ queues: ['default'], labels: [] }, onRing),
        rings.listenForCalls('bench', onCall),
      ];
      return () => {
        for (const stop of stops) stop();
      };
    },
  });
}
