import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { Rescuer } from '../../src/domain/jobs/rescuer.ts';
import { silentLogger } from '../../src/lib/logger.ts';
import { createWorkerStore } from '../../src/adapters/store/fleet/worker-store.ts';
import { createJobStore } from '../../src/adapters/store/job-store.ts';
import { addUser, app, database, useAccounts, type Headers } from '../support/accounts.ts';
import { silentRings } from '../support/product.ts';
import type { Stream } from '../../src/contract/stream.ts';

useAccounts();

interface Begun {
  jobId: number;
  attempt: number;
  token: string;
}

const startedAt = '2026-01-02T03:04:05.000Z';
const body = (key: string) => ({
  key,
  kind: 'command',
  input: { argv: ['make', 'all'], directory: '/work', host: 'there', user: 'ana' },
  holder: 'ana@there',
  startedAt,
});

async function post(headers: Headers, url: string, payload: object) {
  const answer = await app.inject({ method: 'POST', url: `/api/v1${url}`, headers, payload });
  return { status: answer.statusCode, body: answer.json() };
}

async function begin(headers: Headers, key: string = randomUUID()): Promise<Begun & { report: Report }> {
  const { status, body: begun } = await post(headers, '/attempts', body(key));
  expect(status).toBe(201);
  return { ...begun, report: reporter(headers, begun) };
}

type Report = ReturnType<typeof reporter>;

function reporter(headers: Headers, { jobId, attempt, token }: Begun) {
  return (what: string, payload: object = {}) =>
    post({ ...headers, 'attempt-token': token }, `/jobs/${jobId}/attempts/${attempt}/${what}`, payload);
}

function piece(stream: Stream, offset: number, text: string): object {
  return { stream, offset, at: '2026-01-02T03:04:06.000Z', data: Buffer.from(text).toString('base64') };
}

async function get(headers: Headers, url: string) {
  const answer = await app.inject({ method: 'GET', url: `/api/v1${url}`, headers });
  return answer.headers['content-type']?.startsWith('application/json') ? answer.json() : answer.body;
}

const end = { exitCode: 3, signal: null, endedAt: '2026-01-02T03:05:00.000Z' };

describe('an attempt that runs elsewhere', () => {
  it('is recorded with its times, output and end', async () => {
    const ana = await addUser('ana');
    const { jobId, report } = await begin(ana);
    expect(await get(ana, `/jobs/${jobId}`)).toMatchObject({
      kind: 'command',
      name: 'make all',
      state: 'running',
      owner: 'ana',
      submittedAt: startedAt,
      queue: null,
    });
    await report('output', { pieces: [piece('stdout', 0, 'one\ntw'), piece('stderr', 0, 'oops\n')] });
    expect((await report('output', { pieces: [piece('stdout', 6, 'o\n')] })).body).toEqual({
      stdout: 8,
      stderr: 5,
    });
    expect((await report('finish', end)).body).toEqual({ state: 'failed', reason: 'exit' });
    expect(await get(ana, `/jobs/${jobId}`)).toMatchObject({
      state: 'failed',
      reason: 'exit',
      endedAt: end.endedAt,
    });
    expect(await get(ana, `/jobs/${jobId}/output/stdout`)).toBe('one\ntwo\n');
    expect(await get(ana, `/jobs/${jobId}/output/stderr`)).toBe('oops\n');
    expect((await get(ana, `/jobs/${jobId}/attempts`)).items).toMatchObject([
      { owner: 'external', worker: 'ana@there', exitCode: 3, lateResults: [] },
    ]);
  });

  it('every report may be repeated and changes nothing the second time', async () => {
    const ana = await addUser('ana');
    const key = randomUUID();
    const { items: before } = await get(ana, '/jobs');
    const first = await begin(ana, key);
    expect(await begin(ana, key)).toMatchObject({ jobId: first.jobId, token: first.token });
    const pieces = [piece('stdout', 0, 'abc\n'), piece('stdout', 4, 'def\n')];
    await first.report('output', { pieces });
    await first.report('output', { pieces: pieces.slice(1) });
    expect((await first.report('output', { pieces })).body).toEqual({ stdout: 8, stderr: 0 });
    await first.report('finish', end);
    expect((await first.report('finish', end)).body).toEqual({ state: 'failed', reason: 'exit' });
    expect(await get(ana, `/jobs/${first.jobId}/output/stdout`)).toBe('abc\ndef\n');
    const [attempt] = (await get(ana, `/jobs/${first.jobId}/attempts`)).items;
    expect(attempt.lateResults).toEqual([]);
    expect((await get(ana, '/jobs')).items).toHaveLength(before.length + 1);
  });

  it('refuses a gap, a foreign token, output after the end, another body under the key, and somebody else', async () => {
    const [ana, bo] = [await addUser('ana'), await addUser('bo')];
    const key = randomUUID();
    const begun = await begin(ana, key);
    expect((await begun.report('output', { pieces: [piece('stdout', 5, 'x')] })).status).toBe(409);
    const foreign = reporter(ana, { ...begun, token: randomUUID() });
    expect((await foreign('output', { pieces: [piece('stdout', 0, 'x')] })).status).toBe(409);
    expect((await foreign('beat')).body).toEqual({ isRunning: false, cancelRequested: false });
    expect((await foreign('finish', { ...end, exitCode: 0 })).status).toBe(409);
    expect(await get(ana, `/jobs/${begun.jobId}`)).toMatchObject({ state: 'running' });
    expect((await get(ana, `/jobs/${begun.jobId}/attempts`)).items).toMatchObject([{ lateResults: [] }]);
    expect((await post(ana, '/attempts', { ...body(key), holder: 'another' })).body.code).toBe(
      'idempotency_conflict',
    );
    expect((await reporter(bo, begun)('beat')).status).toBe(403);
    await begun.report('finish', end);
    expect((await begun.report('output', { pieces: [piece('stdout', 0, 'x')] })).status).toBe(409);
  });

  it('is not what a slot runs: nobody ends that from elsewhere, though they know its token', async () => {
    const ana = await addUser('ana');
    const { body: job } = await post(ana, '/jobs', { kind: 'script', input: { script: 'a.sh' } });
    const [workers, jobs] = [createWorkerStore(database.db), createJobStore(database.db)];
    const worker = { name: 'w', host: 'h', pid: 1, version: '1', slots: 1, labels: [], kinds: ['script'] };
    const id = randomUUID();
    const { incarnation } = await workers.register({ ...worker, id, queues: ['default'] });
    const wanted = {
      workerId: id,
      incarnation,
      queues: ['default'],
      labels: [],
      kinds: ['script'],
      limit: 1,
    };
    const [claimed] = await jobs.claim(wanted);
    expect(claimed?.jobId).toBe(job.id);
    const report = reporter(ana, { jobId: job.id, attempt: 1, token: claimed?.token ?? '' });
    expect((await report('finish', { ...end, exitCode: 0 })).status).toBe(409);
    expect(await get(ana, `/jobs/${job.id}`)).toMatchObject({ state: 'running' });
    expect((await get(ana, `/jobs/${job.id}/attempts`)).items).toMatchObject([
      { state: 'running', lateResults: [] },
    ]);
  });

  it('hears from a beat that somebody cancelled it, and is not run again in any queue', async () => {
    const ana = await addUser('ana');
    const { jobId, report } = await begin(ana);
    expect((await report('beat')).body).toEqual({ isRunning: true, cancelRequested: false });
    expect((await post(ana, `/jobs/${jobId}/cancel`, {})).status).toBe(202);
    expect((await report('beat')).body).toEqual({ isRunning: true, cancelRequested: true });
    await report('finish', { ...end, exitCode: null, signal: 'SIGTERM', wasCancelled: true });
    expect(await get(ana, `/jobs/${jobId}`)).toMatchObject({ state: 'cancelled' });
    expect((await post(ana, `/jobs/${jobId}/retry`, {})).status).toBe(409);
  });

  it('is lost when its reporter is silent for a lease; what it brings later is kept, not applied', async () => {
    const ana = await addUser('ana');
    const silent = await begin(ana);
    const alive = await begin(ana);
    await silent.report('output', { pieces: [piece('stdout', 0, 'before\n')] });
    let nowMs = 0;
    const rescuer = new Rescuer({
      workers: createWorkerStore(database.db),
      jobs: createJobStore(database.db),
      bell: silentRings,
      markGap: async () => {},
      clock: { now: () => new Date(), monotonicMs: () => nowMs },
      logger: silentLogger,
      leaseMs: 1_000,
    });
    for (; nowMs <= 2_000; nowMs += 400) {
      await rescuer.look();
      await alive.report('beat');
    }
    expect(await get(ana, `/jobs/${alive.jobId}`)).toMatchObject({ state: 'running' });
    expect(await get(ana, `/jobs/${silent.jobId}`)).toMatchObject({ state: 'failed', reason: 'lost' });
    expect((await silent.report('beat')).body.isRunning).toBe(false);
    expect((await silent.report('output', { pieces: [piece('stdout', 7, 'after\n')] })).status).toBe(200);
    expect((await silent.report('finish', { ...end, exitCode: 0 })).body).toEqual({
      state: 'failed',
      reason: 'lost',
    });
    expect(await get(ana, `/jobs/${silent.jobId}/output/stdout`)).toBe('before\nafter\n');
    const [attempt] = (await get(ana, `/jobs/${silent.jobId}/attempts`)).items;
    expect(attempt).toMatchObject({ state: 'failed', lateResults: [{ outcome: { exitCode: 0 } }] });
  });
});
