import { describe, expect, it } from 'vitest';
import { addUser, admin, app, database, useAccounts, type Headers } from '../support/accounts.ts';

useAccounts();

let next = 0;

/** A line of its own each time. */
function line(change: object = {}): Record<string, unknown> {
  next += 1;
  return {
    source: 'slurm',
    cluster: 'c1',
    id: String(1_000 + next),
    submittedAt: '2018-12-23T21:26:14Z',
    startedAt: '2018-12-23T21:30:00Z',
    endedAt: '2018-12-23T22:00:00Z',
    state: 'succeeded',
    exitCode: 0,
    name: 'old run',
    owner: 'doea',
    ...change,
  };
}

interface Outcome {
  line: number;
  outcome: string;
  jobId: number;
  problems: { field: string; message: string }[];
}

async function send(
  lines: readonly (object | string)[],
  { headers = admin, query = '' }: { headers?: Headers; query?: string } = {},
): Promise<{ status: number; outcomes: Outcome[] }> {
  const payload = lines.map((one) => (typeof one === 'string' ? one : JSON.stringify(one))).join('\n');
  const answer = await app.inject({
    method: 'POST',
    url: `/api/v1/import${query}`,
    headers: { ...headers, 'content-type': 'application/x-ndjson' },
    payload,
  });
  const outcomes =
    answer.statusCode === 200
      ? answer.body
          .split('\n')
          .filter(Boolean)
          .map((one) => JSON.parse(one) as Outcome)
      : [];
  return { status: answer.statusCode, outcomes };
}

async function read(url: string) {
  const answer = await app.inject({ method: 'GET', url: `/api/v1${url}`, headers: admin });
  return answer.headers['content-type']?.startsWith('application/json') ? answer.json() : answer.body;
}

async function counts(): Promise<unknown> {
  const [row] = await database.db.query(
    'select (select count(*) from jobs) as jobs, (select count(*) from attempts) as attempts, (select count(*) from events) as events, (select count(*) from output_chunks) as chunks',
  );
  return row;
}

it('a job of somewhere else is not run here, and that is said', async () => {
  const { outcomes } = await send([line({ state: 'failed', exitCode: 1 })]);
  const id = outcomes[0]?.jobId;
  for (const [path, payload] of [
    ['retry', undefined],
    ['again', '{"as":"it-is","dryRun":true}'],
    ['again', '{"as":"it-is"}'],
  ] as const) {
    const answer = await app.inject({
      method: 'POST',
      url: `/api/v1/jobs/${id}/${path}`,
      headers: { ...admin, 'content-type': 'application/json' },
      ...(payload === undefined ? {} : { payload }),
    });
    expect([answer.statusCode, answer.json().message]).toEqual([
      409,
      expect.stringContaining('ran elsewhere'),
    ]);
  }
});

describe('a failed job of somewhere else', () => {
  it('belongs to those that failed alike, by what it said last', async () => {
    const failed = (step: number): object =>
      line({
        state: 'failed',
        exitCode: 3,
        stderr: `begin\nError: diverged at step ${step}\n`,
        endedAt: new Date().toISOString(),
      });
    const { outcomes } = await send([failed(7), failed(8), line()]);
    const jobs = await Promise.all(outcomes.map(({ jobId }) => read(`/jobs/${jobId}`)));
    expect(jobs[0].family).toMatch(/^[0-9a-f]{16}$/);
    expect([jobs[1].family, jobs[2].family]).toEqual([jobs[0].family, null]);
    const { items } = await read('/failures');
    expect(items).toMatchObject([
      { id: jobs[0].family, signature: 'exit 3: Error: diverged at step <n>', jobs: 2 },
    ]);
    expect((await read(`/jobs/${jobs[0].id}/attempts`)).items[0].errorLine).toBe('Error: diverged at step 7');
  });
});

describe('an import', () => {
  it('puts jobs where their dates say, with everything the line has', async () => {
    const { outcomes } = await send([
      line({
        state: 'failed',
        exitCode: 3,
        message: 'diverged',
        host: 'node7',
        project: '3001234',
        tags: ['old'],
        input: { deck: 'crash_main.dyn' },
        info: 'why',
        summary: '# result',
        analysis: 'done',
        assessment: 'not ok',
        verdict: { text: 'error termination', tone: 'bad' },
        stdout: 'hällo\nworld\n',
        stderr: 'oops',
      }),
    ]);
    expect(outcomes).toMatchObject([{ line: 1, outcome: 'added' }]);
    const id = outcomes[0]?.jobId;
    expect(await read(`/jobs/${id}`)).toMatchObject({
      kind: 'imported',
      state: 'failed',
      reason: 'exit',
      submittedAt: '2018-12-23T21:26:14.000Z',
      endedAt: '2018-12-23T22:00:00.000Z',
      owner: 'doea',
      project: '3001234',
      tags: ['old'],
      info: 'why',
      summary: '# result',
      analysis: 'done',
      assessment: 'not ok',
      verdict: { text: 'error termination', tone: 'bad' },
    });
    expect((await read(`/jobs/${id}/attempts`)).items).toMatchObject([
      {
        owner: 'external',
        worker: 'node7',
        state: 'failed',
        exitCode: 3,
        launchedAt: '2018-12-23T21:30:00.000Z',
      },
    ]);
    expect(await read(`/jobs/${id}/output/stdout`)).toBe('hällo\nworld\n');
    expect(await read(`/jobs/${id}/output/stderr`)).toBe('oops');
    const [newest] = (await read('/jobs?limit=500')).items.slice(-1);
    expect(newest.id).toBe(id);
    expect((await read(`/jobs?q=crash_main`)).items.map((job: { id: number }) => job.id)).toContain(id);
  });

  it('a second time adds nothing and changes nothing', async () => {
    const lines = [
      line({ stdout: 'x\n' }),
      line({ state: 'unknown', endedAt: undefined }),
      line({ state: 'finished' }),
    ];
    const first = await send(lines);
    const before = await counts();
    const second = await send(lines.map((one) => ({ ...one, name: 'another name' })));
    expect(second.outcomes.map(({ outcome }) => outcome)).toEqual(['known', 'known', 'known']);
    expect(second.outcomes.map(({ jobId }) => jobId)).toEqual(first.outcomes.map(({ jobId }) => jobId));
    expect(await counts()).toEqual(before);
    expect(await read(`/jobs/${first.outcomes[0]?.jobId}`)).toMatchObject({ name: 'old run' });
  });

  it('tells jobs of one number apart by cluster and time of submit', async () => {
    const one = line();
    const { outcomes } = await send([
      one,
      { ...one, cluster: 'c2' },
      { ...one, submittedAt: '2017-01-01T00:00:00Z' },
      one,
    ]);
    expect(outcomes.map(({ outcome }) => outcome)).toEqual(['added', 'added', 'added', 'known']);
    expect(new Set(outcomes.map(({ jobId }) => jobId)).size).toBe(3);
  });

  it('with update takes what a line says and leaves what it does not', async () => {
    const one = line({ state: 'unknown', endedAt: undefined, project: 'p1', info: 'kept' });
    const id = (await send([one])).outcomes[0]?.jobId;
    const { outcomes } = await send([{ ...line(), id: one['id'], state: 'succeeded', summary: 'new' }], {
      query: '?update=true',
    });
    expect(outcomes).toMatchObject([{ outcome: 'updated', jobId: id }]);
    expect(await read(`/jobs/${id}`)).toMatchObject({
      state: 'succeeded',
      project: 'p1',
      info: 'kept',
      summary: 'new',
    });
  });

  it('with update leaves a job of ours that has not ended as it stands', async () => {
    const answer = await app.inject({
      method: 'POST',
      url: '/api/v1/jobs',
      headers: admin,
      payload: { kind: 'script', input: { script: 'a.sh' }, runAt: '2100-01-01T00:00:00Z' },
    });
    const { id, uid } = answer.json<{ id: number; uid: string }>();
    const before = await read(`/jobs/${id}`);
    const { outcomes } = await send(
      [line({ uid, owner: 'zoe', kind: 'script', input: { script: 'b.sh' } })],
      {
        query: '?update=true',
      },
    );
    expect(outcomes).toMatchObject([{ outcome: 'known', jobId: id }]);
    expect(await read(`/jobs/${id}`)).toEqual(before);
    expect(await read('/jobs?q=owner:zoe')).toMatchObject({ items: [] });
  });

  it('names line, field and what was expected, and takes the good lines all the same', async () => {
    const { outcomes } = await send([
      line(),
      '{"not json',
      line({ state: 'running' }),
      '',
      line({ endedAt: '2018-12-23T21:00:00Z' }),
      line({ owner: undefined }),
      line({ colour: 'red' }),
      line(),
    ]);
    expect(outcomes.map((one) => [one.line, one.outcome])).toEqual([
      [1, 'added'],
      [2, 'refused'],
      [3, 'refused'],
      [5, 'refused'],
      [6, 'refused'],
      [7, 'refused'],
      [8, 'added'],
    ]);
    expect(outcomes[2]?.problems[0]?.field).toBe('state');
    expect(outcomes[3]?.problems).toEqual([{ field: 'endedAt', message: 'is before the start' }]);
    expect(outcomes[4]?.problems[0]?.field).toBe('owner');
  });

  it('a dry run says the same and changes nothing', async () => {
    const known = line();
    await send([known]);
    const before = await counts();
    const { outcomes } = await send([known, line(), line({ state: 'no' })], { query: '?dryRun=true' });
    expect(outcomes.map(({ outcome }) => outcome)).toEqual(['known', 'added', 'refused']);
    expect(await counts()).toEqual(before);
  });

  it('finds base runs by their number at the same source, before or after them', async () => {
    const [base, later] = [
      line({ submittedAt: '2018-01-01T00:00:00Z' }),
      line({ submittedAt: '2018-01-02T00:00:00Z' }),
    ];
    const run = line({ baseRuns: [base['id'], later['id'], '77'] });
    const [baseOutcome] = (await send([base])).outcomes;
    const [runOutcome] = (await send([run])).outcomes;
    const [laterOutcome] = (await send([later])).outcomes;
    const { baseRuns } = await read(`/jobs/${runOutcome?.jobId}`);
    expect(new Set(baseRuns.map((one: { jobId: number | null }) => one.jobId))).toEqual(
      new Set([baseOutcome?.jobId, laterOutcome?.jobId, null]),
    );
  });

  it('is for operators, and takes lines only', async () => {
    expect((await send([line()], { headers: await addUser('bo') })).status).toBe(403);
    const answer = await app.inject({
      method: 'POST',
      url: '/api/v1/import',
      headers: admin,
      payload: line(),
    });
    expect(answer.statusCode).toBe(415);
  });

  it('two imports of the same lines at once add each job once', async () => {
    const lines = Array.from({ length: 1_200 }, () => line());
    const answers = await Promise.all([send(lines), send(lines)]);
    const outcomes = answers.flatMap((answer) => answer.outcomes.map(({ outcome }) => outcome));
    expect(outcomes.filter((outcome) => outcome === 'added')).toHaveLength(1_200);
    expect(outcomes.filter((outcome) => outcome === 'known')).toHaveLength(1_200);
  });
});

it('a uid in capitals is kept with the output, and a second job of one uid in a file is known', async () => {
  const uid = 'ABCDEF00-0000-4000-8000-000000000001';
  const { outcomes } = await send([
    line({ uid, stdout: 'hello\n' }),
    line({ uid: uid.toLowerCase() }),
    line({ uid: uid.replaceAll('-', '') }),
    line({ uid: 'ABCDEF' }),
  ]);
  const { jobId = 0 } = outcomes[0] ?? {};
  expect(outcomes).toMatchObject([
    { outcome: 'added', jobId: expect.any(Number) },
    { outcome: 'known', jobId },
    { outcome: 'known', jobId },
    { outcome: 'refused', problems: [{ field: 'uid', message: 'expected a UUID' }] },
  ]);
  expect(await read(`/jobs/${uid}`)).toMatchObject({ id: jobId, uid: uid.toLowerCase() });
  expect(await read(`/jobs/${jobId}/output/stdout`)).toBe('hello\n');
});
