/**
 * A worker of the product with one kind of its own, which follows what its program prints; a process, to be killed.
 * Its program runs `input.code` by /bin/sh. Of each line that is not repeated the kind reports a point;
 * a line `fail the kind` makes it fail, `leave the result` lets it report none.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { NotifyRings } from '../../../src/adapters/queue/notify.ts';
import { createCapsuleStore } from '../../../src/adapters/store/capsule-store.ts';
import { createFileStore } from '../../../src/adapters/store/file-store.ts';
import { createJobReader } from '../../../src/adapters/store/job-reader.ts';
import { createJobStore } from '../../../src/adapters/store/job-store.ts';
import { createOutputStore } from '../../../src/adapters/store/output-store.ts';
import { createPartStore } from '../../../src/adapters/store/part-store.ts';
import { createSeriesStore } from '../../../src/adapters/store/series-store.ts';
import { createCapsuleRecorder } from '../../../src/domain/again/capsule-recorder.ts';
import { createFiles } from '../../../src/domain/files/files.ts';
import { createJobs } from '../../../src/domain/jobs/jobs.ts';
import { createOutputReader } from '../../../src/domain/output/reader.ts';
import { createOutputRecorder } from '../../../src/domain/output/recorder.ts';
import { createKindRegistry, defineKind } from '../../../src/kinds/define-kind.ts';
import { LauncherClient } from '../../../src/launcher/client/client.ts';
import { systemClock } from '../../../src/lib/clock.ts';
import { EndSignals } from '../../../src/lib/end-signals.ts';
import { silentLogger } from '../../../src/lib/logger.ts';
import { AttemptFolders } from '../../../src/worker/files/attempt-folders.ts';
import { Worker } from '../../../src/worker/worker.ts';
import { connect } from '../database.ts';

const [url = '', folder = '', id = ''] = process.argv.slice(2);

const following = defineKind({
  name: 'following',
  title: 'Following',
  description: 'Follows what its program prints.',
  input: z.object({ code: z.string() }),
  result: z.object({ lines: z.array(z.string()), repeated: z.array(z.string()) }),
  nameOf: () => 'following',
  runsProgram: true,
  run: async ({ input }, context) => {
    const lines: string[] = [];
    const repeated: string[] = [];
    context.log('said before');
    const report = await context.program(
      async () => ({ file: '/bin/sh', args: ['-c', input.code], script: null }),
      ({ stream, text, isRepeated }) => {
        if (text === 'fail the kind') throw new Error('the kind failed');
        lines.push(`${stream} ${text}`);
        if (isRepeated) repeated.push(text);
        else context.series({ name: 'length', x: [lines.length], y: [text.length] });
      },
    );
    if (!lines.includes('stdout leave the result')) context.result({ lines, repeated });
    if (report.status === 'ended' && report.exitCode === 0) return { state: 'succeeded' };
    return { state: 'failed', reason: 'error', message: 'Its program failed.' };
  },
});

const db = connect(url);
const kinds = createKindRegistry([following]);
const store = createJobStore(db);
const outputStore = createOutputStore(db);
const output = createOutputReader(outputStore);
const fileStore = createFileStore(db);
const files = { store: fileStore, limitBytes: 1024 ** 2, obstacle: () => null };
const rings = new NotifyRings({
  connection: { connectionString: url },
  notify: async () => {},
  logger: silentLogger,
});
const attempts = join(folder, 'attempts');
mkdirSync(attempts, { recursive: true });
const home = join(folder, 'homedir');
mkdirSync(home, { recursive: true });

const worker = new Worker({
  id,
  identity: { host: 'a host', pid: process.pid, version: '0' },
  settings: {
    name: 'following',
    host: 'a host',
    version: '0',
    slots: 2,
    queues: ['default'],
    labels: [],
    leaseMs: 60_000,
    killGraceMs: 1_000,
    outputLimitBytes: 1024 ** 2,
    defaultLimits: {},
    defaultNice: null,
    warnAt: null,
    minFreeBytes: 0,
    homeDirectory: home,
    dataDirectory: folder,
    pinnedDirectory: folder,
    madeFilesLimitBytes: 1024 ** 2,
    programIds: null,
    programUser: null,
    programUserName: 'somebody',
    stdoutCopiesDirectory: null,
    stderrCopiesDirectory: null,
  },
  kinds,
  jobs: createJobs({
    store,
    reader: createJobReader(db),
    output,
    secrets: { findUnusable: async () => new Map() },
    files: fileStore,
    bell: rings,
    kinds,
    defaultTimeoutMs: null,
    obstacle: () => null,
  }),
  store,
  series: createSeriesStore(db),
  parts: createPartStore(db),
  capsules: createCapsuleRecorder(createCapsuleStore(db)),
  secrets: { open: async () => ({ values: new Map() }) },
  files: createFiles(files),
  fileStore,
  folders: new AttemptFolders(attempts, null),
  recorder: createOutputRecorder(outputStore, silentLogger),
  reader: output,
  launcher: new LauncherClient({ folder: join(folder, 'launcher'), idleSeconds: 5, logger: silentLogger }),
  copies: { write: async () => {} },
  clock: systemClock,
  logger: silentLogger,
  listen: () => () => {},
});
await worker.start();
const signals = new EndSignals();
await signals.next();
await worker.stop();
await db.close();
signals.close();
