import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Attempt, Job, JobEvent } from '../../src/contract/job.ts';
import { isEnded } from '../../src/contract/states.ts';
import { pollUntil } from '../support/poll.ts';
import { startServer, type TestServer } from '../support/server.ts';

const mebibyte = 1024 * 1024;
let server: TestServer;

beforeAll(async () => {
  server = await startServer({
    DAYBOOK_KILL_GRACE_SECONDS: '1',
    DAYBOOK_JOB_OPEN_FILES: '64',
    DAYBOOK_JOB_NICE: '3',
  });
  writeScript('shell.sh', 'eval "$CODE"');
});
afterAll(() => server.close());

function writeScript(name: string, text: string): void {
  writeFileSync(join(server.folder, 'scripts', name), `#!/bin/bash\n${text}\n`, { mode: 0o755 });
}

interface Ended {
  job: Job;
  attempt: Attempt;
  events: JobEvent[];
  stdout: string;
}

async function run(code: string, options: object = {}): Promise<Ended> {
  const body = { kind: 'script', input: { script: 'shell.sh' }, env: { CODE: code }, ...options };
  const submitted = await server.call('POST', '/api/v1/jobs', body);
  expect({ status: submitted.status, text: submitted.text }).toMatchObject({ status: 201 });
  const path = `/api/v1/jobs/${submitted.json<Job>().id}`;
  const job = await pollUntil(
    async () => (await server.call('GET', path)).json<Job>(),
    ({ state }) => isEnded(state),
  );
  const items = async <T>(what: string): Promise<T[]> =>
    (await server.call('GET', `${path}/${what}`)).json<{ items: T[] }>().items;
  const [attempt] = await items<Attempt>('attempts');
  if (!attempt) throw new Error('it has no attempt');
  const stdout = (await server.call('GET', `${path}/output/stdout`)).text;
  return { job, attempt, events: await items<JobEvent>('events'), stdout };
}

const warnings = ({ events }: Ended): unknown[] =>
  events.filter(({ name }) => name === 'limit near').map(({ data }) => data);

it('a job with more memory than it asked for fails by its limit, told with value and limit', async () => {
  const ended = await run('exec tail /dev/zero', { limits: { memoryBytes: 64 * mebibyte } });
  expect(ended.job).toMatchObject({
    state: 'failed',
    reason: 'limit',
    message: expect.stringMatching(/^Used \d+ MiB of memory; its limit is 64 MiB/),
    limits: { memoryBytes: 64 * mebibyte },
    tags: ['near-limit:memory'],
  });
  expect(warnings(ended)).toEqual([
    { attempt: 1, limit: 'memory', value: expect.any(Number), max: 64 * mebibyte },
  ]);
  expect(ended.attempt.maxRssBytes).toBeGreaterThan(64 * mebibyte);
});

it('a job that printed too much fails by its limit, though it was over with exit code 0 before anybody could end it', async () => {
  const ended = await run('trap "" TERM; printf "%5000s" x', { limits: { outputBytes: 1024 } });
  expect(ended.job).toMatchObject({
    state: 'failed',
    reason: 'limit',
    message: 'Printed more than its limit of 1024 bytes.',
    tags: ['near-limit:output'],
  });
  expect(ended.attempt).toMatchObject({ exitCode: 0, signal: null, stdoutBytes: 1024 });
});

it('a job near its time limit is warned of, and goes on', async () => {
  const ended = await run('sleep 1.2', { timeoutSeconds: 1.4 });
  expect(ended.job).toMatchObject({ state: 'succeeded', tags: ['near-limit:wall'] });
  expect(warnings(ended)).toEqual([{ attempt: 1, limit: 'wall', value: 1.4 * 0.8, max: 1.4 }]);
});

it('the defaults of the worker hold for what a job does not name, and what it names holds instead', async () => {
  expect((await run('ulimit -n; nice')).stdout).toBe('64\n3\n');
  expect((await run('ulimit -n; nice', { limits: { openFiles: 32 }, nice: 7 })).stdout).toBe('32\n7\n');
});

it('a job far from its limits has no warning, and its use stands in the record', async () => {
  const ended = await run('i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done', {
    limits: { cpuSeconds: 60 },
    tags: ['mine'],
  });
  expect(ended.job).toMatchObject({ state: 'succeeded', tags: ['mine'], message: null });
  expect(warnings(ended)).toEqual([]);
  const { cpuMs, wallMs, queueWaitMs } = ended.attempt;
  expect(cpuMs).toBeGreaterThan(10);
  expect(wallMs).toBeGreaterThan(0);
  expect(queueWaitMs).toBeGreaterThanOrEqual(0);
});

it('a program that was killed from outside is said to be, not ended by us', async () => {
  const ended = await run('kill -9 $$');
  expect(ended.job).toMatchObject({
    reason: 'signal',
    message: expect.stringContaining('Killed by SIGKILL from outside'),
  });
});

it('a program that runs for long leaves its use over time', async () => {
  const { job } = await run('sleep 11');
  const series = (await server.call('GET', `/api/v1/jobs/${job.id}/series`)).json<{
    items: { id: number; name: string; unit: string; points: number }[];
  }>().items;
  expect(series.map(({ name, unit }) => `${name} ${unit}`)).toEqual(
    expect.arrayContaining(['daybook.cpu cores', 'daybook.memory B']),
  );
  const memory = series.find(({ name }) => name === 'daybook.memory');
  const points = (await server.call('GET', `/api/v1/jobs/${job.id}/series/${memory?.id}`)).json<{
    x: number[];
    y: number[];
  }>();
  expect(points.x.length).toBeGreaterThan(5);
  expect(points.y.every((bytes) => bytes > 0)).toBe(true);
});
