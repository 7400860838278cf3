import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { createFiles } from '../../src/domain/files/files.ts';
import type { Files, FileStore } from '../../src/domain/files/ports.ts';
import type { ClaimedJob, JobStore } from '../../src/domain/jobs/ports.ts';
import { createFileStore } from '../../src/adapters/store/file-store.ts';
import { createJobStore } from '../../src/adapters/store/job-store.ts';
import { keepFiles, type KeepFilesOptions } from '../../src/worker/files/keep-files.ts';
import { walkMadeFiles } from '../../src/worker/files/made-files.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { ana, joinWorker, submitOne, succeeded } from '../support/jobs.ts';

let database: TestDatabase;
let jobs: JobStore;
let store: FileStore;
let files: Files;
let folder = '';
let job: ClaimedJob;

beforeAll(async () => {
  database = await createTestDatabase();
  jobs = createJobStore(database.db);
  store = createFileStore(database.db);
  files = createFiles({ store, limitBytes: 1_000_000, obstacle: () => null });
});
afterAll(() => database.drop());

beforeEach(async () => {
  await database.empty();
  folder = mkdtempSync(join(tmpdir(), 'daybook-made-'));
  await submitOne(jobs);
  const [claimed] = await (await joinWorker(database.db)).claim();
  if (!claimed) throw new Error('the job was claimed');
  job = claimed;
});
afterEach(() => rmSync(folder, { recursive: true }));

function write(name: string, text = name): void {
  writeFileSync(join(folder, name), text);
}

function options(change: Partial<KeepFilesOptions> = {}): KeepFilesOptions {
  const signal = new AbortController().signal;
  return { files, store, folder, uid: null, limitBytes: 1e9, actor: 'worker:w', signal, ...change };
}

const kept = async (): Promise<string[]> => (await store.list(job.jobId, ana)).map(({ name }) => name);
const leftOut = async () => (await store.listLeftOut(job.jobId, ana)).flatMap((one) => one.files);
const stored = async (): Promise<number> => (await database.db.query('select from stored_files')).length;

it('a file that grows beyond the limit while it is read is left out, and nothing of it stays', async () => {
  write('grows', 'x');
  write('stays', 'x');
  const growing: Files = {
    ...files,
    store: (bytes, given) => {
      appendFileSync(join(folder, 'grows'), Buffer.alloc(1_000_000));
      return files.store(bytes, given);
    },
  };
  await keepFiles(job, options({ files: growing }));
  expect(await kept()).toEqual(['stays']);
  expect(await leftOut()).toEqual([{ name: 'grows', why: 'it grew while it was read' }]);
  expect(await stored()).toBe(1);
});

it('an entry that vanishes or becomes a link while the folder is walked is left out', async () => {
  for (const name of ['a', 'gone', 'turned', 'z']) write(name);
  mkdirSync(join(folder, 'moved'));
  write('moved/b');
  const found: string[] = [];
  for await (const made of walkMadeFiles(folder, { uid: null, known: new Set() })) {
    found.push('why' in made ? `${made.name}: ${made.why}` : made.name);
    if (!('why' in made)) await made.file.close();
    if (made.name !== 'a') continue;
    for (const name of ['gone', 'turned', 'moved']) renameSync(join(folder, name), `${folder}-${name}`);
    symlinkSync('/etc/passwd', join(folder, 'turned'));
    symlinkSync('/etc', join(folder, 'moved'));
  }
  for (const name of ['gone', 'turned', 'moved']) rmSync(`${folder}-${name}`, { recursive: true });
  expect(found).toEqual(['a', 'gone: it was removed meanwhile', 'moved: a link', 'turned: a link', 'z']);
});

it('a folder that is swapped for a link while it is walked leads nowhere else', async () => {
  mkdirSync(join(folder, 'in'));
  for (const name of ['in/a', 'in/hostname']) write(name, 'ours');
  const found: string[] = [];
  for await (const made of walkMadeFiles(folder, { uid: null, known: new Set() })) {
    if ('why' in made) throw new Error(made.why);
    found.push(await made.file.readFile('utf8'));
    await made.file.close();
    if (made.name !== 'in/a') continue;
    renameSync(join(folder, 'in'), `${folder}-in`);
    symlinkSync('/etc', join(folder, 'in'));
  }
  rmSync(`${folder}-in`, { recursive: true });
  expect(found).toEqual(['ours', 'ours']);
});

it('a file of somebody else is not handed out', async () => {
  write('theirs');
  await keepFiles(job, options({ uid: 12_345 }));
  expect([await kept(), await leftOut()]).toEqual([
    [],
    [{ name: 'theirs', why: 'belongs to somebody else' }],
  ]);
});

it('what breaks off is gone on with: no file is kept twice, none is missing', async () => {
  for (const name of ['a', 'b', 'c']) write(name);
  let calls = 0;
  const breaking: FileStore = {
    ...store,
    complete: async (file) => {
      calls += 1;
      const isNamed = await store.complete(file);
      // The answer is lost, the record is not.
      if (calls === 2) throw new Error('the database went away');
      return isNamed;
    },
  };
  const broken = createFiles({ store: breaking, limitBytes: 1_000_000, obstacle: () => null });
  await expect(keepFiles(job, options({ files: broken }))).rejects.toThrow('went away');
  await keepFiles(job, options());
  expect(await kept()).toEqual(['a', 'b', 'c']);
  expect(await stored()).toBe(3);
});

it('what an attempt made that was given up meanwhile stays with that attempt; of a job that is gone nothing stays', async () => {
  write('a');
  await jobs.finish([succeeded(job)]);
  await keepFiles(job, options());
  expect(await kept()).toEqual(['a']);
  write('b');
  expect(await jobs.remove(job.jobId)).toBe(true);
  await keepFiles(job, options());
  expect(await stored()).toBe(0);
});

it('a worker that stops breaks off at once and leaves nothing half', async () => {
  write('a');
  const stop = new AbortController();
  stop.abort();
  await expect(keepFiles(job, options({ signal: stop.signal }))).rejects.toThrow('aborted');
  expect([await kept(), await stored()]).toEqual([[], 0]);
});

it('a full disk leaves files out instead of keeping the attempt from its end', async () => {
  write('a');
  const full = createFiles({ store, limitBytes: 1_000_000, obstacle: () => 'Only 1 MiB is free.' });
  await keepFiles(job, options({ files: full }));
  expect(await leftOut()).toEqual([{ name: 'a', why: 'Only 1 MiB is free.' }]);
});
