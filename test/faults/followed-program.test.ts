import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createJobReader } from '../../src/adapters/store/job-reader.ts';
import { createJobStore } from '../../src/adapters/store/job-store.ts';
import { createPartStore } from '../../src/adapters/store/part-store.ts';
import { createOutputStore } from '../../src/adapters/store/output-store.ts';
import { createSeriesStore } from '../../src/adapters/store/series-store.ts';
import { systemActor } from '../../src/contract/actor.ts';
import type { Job } from '../../src/contract/job.ts';
import { isEnded } from '../../src/contract/states.ts';
import type { Stream } from '../../src/contract/stream.ts';
import { createOutputReader } from '../../src/domain/output/reader.ts';
import { endProcesses } from '../support/faults/processes.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { submitOne } from '../support/jobs.ts';
import { pollUntil } from '../support/poll.ts';
import { there } from '../support/there.ts';

const actor = systemActor('test');
const workerFile = new URL('../support/programs/following-worker.ts', import.meta.url).pathname;
let database: TestDatabase;
let folder = '';
let workers: ChildProcess[] = [];

beforeEach(async () => {
  database = await createTestDatabase();
  await createOutputStore(database.db).preparePartitions(2);
  folder = mkdtempSync(join(tmpdir(), 'daybook-follow-'));
  workers = [];
});

afterEach(async () => {
  for (const worker of workers) await end(worker, 'SIGKILL');
  await endProcesses(folder);
  await database.drop();
  rmSync(folder, { recursive: true, force: true });
});

function startWorker(): ChildProcess {
  const worker = spawn(process.execPath, [workerFile, database.url, folder], { stdio: 'inherit' });
  workers.push(worker);
  return worker;
}

async function end(worker: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (worker.exitCode !== null || worker.signalCode !== null) return;
  worker.kill(signal);
  await once(worker, 'exit');
}

const submit = (code: string): Promise<number> =>
  submitOne(createJobStore(database.db), { kind: 'following', input: { code } });

const untilEnded = (job: number): Promise<Job> =>
  pollUntil(
    async () => there(await createJobReader(database.db).byId(job, actor)),
    ({ state }) => isEnded(state),
  );

async function printed(job: number): Promise<{ stdout: string; stderr: string }> {
  const output = createOutputReader(createOutputStore(database.db));
  const attempt = await createJobReader(database.db).attemptRef(job, null, actor);
  const read = async (stream: Stream): Promise<string> => {
    if (!attempt) return '';
    let text = '';
    for await (const bytes of output.bytes(attempt, stream)) text += bytes.toString();
    return text;
  };
  return { stdout: await read('stdout'), stderr: await read('stderr') };
}

async function points(job: number): Promise<number[]> {
  const series = createSeriesStore(database.db);
  const found = (await series.list(job)).find(({ name }) => name === 'length');
  return found ? [...(await series.read(found.id, 0, 1_000)).x] : [];
}

const gated =
  'echo one; echo two >&2; printf "three, "; until [ -e go ]; do sleep 0.02; done; echo four; echo five >&2';

describe('a kind that follows its program', () => {
  it('is shown each line of both streams once, while it runs, and not what it said itself', async () => {
    startWorker();
    const job = await submit(gated);
    await pollUntil(
      () => points(job),
      ({ length }) => length === 2,
    );
    writeFileSync(join(folder, 'homedir', 'go'), '');
    const { result, state, message } = await untilEnded(job);
    expect({ state, message }).toEqual({ state: 'succeeded', message: null });
    const { lines } = result as { lines: string[] };
    expect(lines.filter((line) => line.startsWith('stdout'))).toEqual(['stdout one', 'stdout three, four']);
    expect(lines.filter((line) => line.startsWith('stderr'))).toEqual(['stderr two', 'stderr five']);
    expect(result).toMatchObject({ repeated: [] });
    expect(await printed(job)).toEqual({ stdout: 'said before\none\nthree, four\n', stderr: 'two\nfive\n' });
  });

  it.each(['SIGKILL', 'SIGTERM'] as const)(
    'is shown all lines again after its worker ended by %s, those before as repeated, and reports none twice',
    async (signal) => {
      const first = startWorker();
      const job = await submit(gated);
      await pollUntil(
        async () => ({ points: await points(job), ...(await printed(job)) }),
        (seen) => seen.points.length === 2 && seen.stdout.endsWith('three, '),
      );
      await end(first, signal);
      writeFileSync(join(folder, 'homedir', 'go'), '');
      startWorker();
      const { result, state, attempt } = await untilEnded(job);
      expect({ state, attempt }).toEqual({ state: 'succeeded', attempt: 1 });
      const { lines, repeated } = result as { lines: string[]; repeated: string[] };
      expect(lines.toSorted()).toEqual(['stderr five', 'stderr two', 'stdout one', 'stdout three, four']);
      expect(repeated.toSorted()).toEqual(['one', 'two']);
      expect(await points(job)).toEqual([1, 2, 3, 4]);
      expect(await printed(job)).toEqual({
        stdout: 'said before\none\nthree, four\n',
        stderr: 'two\nfive\n',
      });
    },
  );

  it('keeps a result that does not fit its schema, and says so', async () => {
    startWorker();
    const job = await submit(`echo '{"daybook": {"result": {"repeated": "none"}}}'; echo leave the result`);
    const ended = await untilEnded(job);
    expect(ended).toMatchObject({ state: 'succeeded', result: { repeated: 'none' } });
    expect(ended.message).toMatch(/does not fit the schema of its kind: lines: .*; repeated: /);
  });

  it('and fails at it fails when its program has ended, which runs on and is kept whole', async () => {
    startWorker();
    const job = await submit('echo fail the kind; sleep 0.3; echo more; exit 3');
    expect(await untilEnded(job)).toMatchObject({
      state: 'failed',
      reason: 'error',
      message: 'the kind failed',
    });
    expect((await printed(job)).stdout).toBe('said before\nfail the kind\nmore\n');
    const [attempt] = await createJobReader(database.db).attempts(job, actor);
    expect(attempt).toMatchObject({ exitCode: 3, signal: null });
  });

  it('and fails has all parts stored that it reported before', async () => {
    startWorker();
    const job = await submit('echo report parts and fail');
    expect(await untilEnded(job)).toMatchObject({
      state: 'failed',
      message: 'the kind failed after its parts',
    });
    const parts = createPartStore(database.db);
    const { length } = await parts.ofJob({ jobId: job, tone: null, after: 0, limit: 10_000 }, actor);
    expect(length).toBe(5_000);
  });

  it('and asks for a second program at once is refused it, and the first one runs once', async () => {
    startWorker();
    const job = await submit(': twice; echo ran >> runs; sleep 0.2');
    const { state, message } = await untilEnded(job);
    expect({ state, message }).toEqual({ state: 'failed', message: 'an attempt runs one program' });
    expect(readFileSync(join(folder, 'homedir', 'runs'), 'utf8')).toBe('ran\n');
  });
});
