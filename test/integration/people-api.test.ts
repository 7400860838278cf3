import { describe, expect, it } from 'vitest';
import type { Job, JobEvent } from '../../src/contract/job.ts';
import { createJobStore } from '../../src/adapters/store/job-store.ts';
import { addUser, admin, ask, database, useAccounts } from '../support/accounts.ts';
import { joinWorker, succeeded } from '../support/jobs.ts';

useAccounts();

const submit = async (options: object = {}): Promise<number> =>
  (await ask('POST', '/jobs', admin, { kind: 'script', input: { script: 'a.sh' }, ...options })).body.id;
const change = (id: number, body: object): ReturnType<typeof ask> => ask('PATCH', `/jobs/${id}`, admin, body);
const get = async (id: number): Promise<Job> => (await ask('GET', `/jobs/${id}`, admin)).body;
const changes = async (id: number): Promise<JobEvent[]> => {
  const { body } = await ask('GET', `/jobs/${id}/events`, admin);
  return (body.items as JobEvent[]).filter(({ name }) => name !== 'submitted');
};

describe('what people write down', () => {
  it('stands in the record, with who wrote it and what stood there before in the history', async () => {
    const id = await submit({ info: 'first idea' });
    expect(await get(id)).toMatchObject({
      info: 'first idea',
      summary: null,
      analysis: null,
      assessment: null,
    });
    const first = { info: 'second idea', summary: '**It ran.**', analysis: 'ongoing', assessment: 'ok' };
    expect(await change(id, first)).toMatchObject({ status: 200, body: first });
    await change(id, { analysis: 'done', assessment: 'ok', summary: null });
    expect(await get(id)).toMatchObject({ ...first, analysis: 'done', summary: null });
    expect(await changes(id)).toMatchObject([
      {
        name: 'changed',
        actor: 'admin',
        data: {
          before: { info: 'first idea', summary: null, analysis: null, assessment: null },
          after: first,
        },
      },
      {
        data: {
          before: { summary: '**It ran.**', analysis: 'ongoing' },
          after: { summary: null, analysis: 'done' },
        },
      },
    ]);
  });

  it('of an assessment names who said the one that stands, and when, until it is taken back', async () => {
    const id = await submit();
    const olga = await addUser('olga', 'operator');
    expect((await get(id)).assessed).toBeNull();
    await change(id, { assessment: 'not ok' });
    await ask('PATCH', `/jobs/${id}`, olga, { assessment: 'ok' });
    await change(id, { analysis: 'done', assessment: 'ok' });
    const [, said] = await changes(id);
    expect((await get(id)).assessed).toEqual({ by: 'olga', at: said?.at });
    await change(id, { assessment: null });
    expect((await get(id)).assessed).toBeNull();
  });

  it('stays in the audit when the job and its history are gone', async () => {
    const olga = await addUser('olga', 'operator');
    const id = await submit({ name: 'Wing 7' });
    const long = 'so '.repeat(1_000);
    await ask('PATCH', `/jobs/${id}`, olga, { assessment: 'not ok', tags: ['wing'], summary: long });
    await ask('POST', `/jobs/${id}/cancel`, olga, { reason: 'wrong mesh' });
    await ask('POST', `/jobs/${id}/retry`, olga);
    await ask('POST', `/jobs/${id}/cancel`, olga);
    expect((await ask('POST', `/jobs/${id}/cancel`, olga)).status).toBe(409);
    const { uid } = await get(id);
    expect((await ask('DELETE', `/jobs/${id}`, olga)).status).toBe(204);
    const { items } = (await ask('GET', `/audit?action=jobs&target=${id}`, admin)).body;
    const of = { actor: 'olga', target: String(id), details: { uid, name: 'Wing 7' } };
    expect(items).toMatchObject([
      { ...of, action: 'jobs.delete' },
      { ...of, action: 'jobs.cancel' },
      { ...of, action: 'jobs.retry' },
      { ...of, action: 'jobs.cancel', details: { reason: 'wrong mesh' } },
      { ...of, action: 'jobs.change', details: { assessment: 'not ok', tags: ['wing'] } },
    ]);
    expect(items.at(-1).details.summary.length).toBeLessThan(300);
  });

  it('that says what is there already is no change and leaves no trace', async () => {
    const id = await submit({ tags: ['a'] });
    await change(id, { tags: ['a'], assessment: null, keep: false });
    expect(await changes(id)).toEqual([]);
  });

  it.each([
    [{ analysis: 'closed' }, 'analysis'],
    [{ assessment: 'fine' }, 'assessment'],
    [{ verdict: { text: 'good' } }, 'verdict.tone'],
    [{ verdict: { text: ' ', tone: 'good' } }, 'verdict.text'],
    [{ info: 'a\0b' }, 'info'],
    [{ summary: 'x'.repeat(100_001) }, 'summary'],
    [{ baseRuns: [{ jobId: 0 }] }, 'baseRuns.0.jobId'],
    [{ baseRuns: [{ jobId: 987_654 }] }, 'baseRuns'],
  ])('such as %j is refused, naming what is wrong', async (body, field) => {
    const id = await submit();
    expect(await change(id, body)).toMatchObject({ status: 400, body: { details: [{ field }] } });
    expect(await changes(id)).toEqual([]);
  });
});

describe('a verdict that a person overrules', () => {
  it('is shown in its place and kept, until a retry asks anew', async () => {
    const store = createJobStore(database.db);
    const id = await submit();
    const [job] = await (await joinWorker(database.db)).claim(1);
    if (!job) throw new Error('there is a job to claim');
    const kindVerdict = { text: 'normal termination', tone: 'good' as const };
    const finish = succeeded(job, { verdict: kindVerdict });
    await store.finish([
      {
        ...finish,
        next: { state: 'failed', runAt: null },
        outcome: { ...finish.outcome, state: 'failed', reason: 'exit' },
      },
    ]);
    const own = { text: 'mesh too coarse', tone: 'bad' };
    expect((await change(id, { verdict: own })).body).toMatchObject({ verdict: own, kindVerdict });
    expect((await change(id, { verdict: null })).body).toMatchObject({ verdict: kindVerdict });
    await change(id, { verdict: own });
    await ask('POST', `/jobs/${id}/retry`, admin);
    expect(await get(id)).toMatchObject({ verdict: null, kindVerdict: null });
  });
});

describe('base runs', () => {
  it('are named with the job or later, known both ways, and may be known by a foreign number only', async () => {
    const base = await submit();
    const id = await submit({ baseRuns: [{ jobId: base }] });
    expect((await get(id)).baseRuns).toMatchObject([
      { jobId: base, foreignId: null, name: 'a.sh', state: 'queued' },
    ]);
    expect((await get(base)).baseRunOf).toEqual([id]);
    await change(id, { baseRuns: [{ jobId: base }, { foreignId: '1234567' }, { foreignId: '1234567' }] });
    expect((await get(id)).baseRuns).toMatchObject([{ jobId: base }, { jobId: null, foreignId: '1234567' }]);
    expect(await change(id, { baseRuns: [{ jobId: id }] })).toMatchObject({
      status: 400,
      body: { details: [{ field: 'baseRuns', message: `job ${id} cannot be compared with itself` }] },
    });
    expect((await get(id)).baseRuns).toHaveLength(2);
    await change(id, { baseRuns: [] });
    expect((await get(base)).baseRunOf).toEqual([]);
  });

  it('that become obsolete warn whoever has them, in the record and in the history, until they count again', async () => {
    const base = await submit();
    const id = await submit({ baseRuns: [{ jobId: base }] });
    const bystander = await submit();
    await change(base, { assessment: 'obsolete' });
    expect((await get(id)).warnings).toEqual([`Its base run, job ${base}, is obsolete.`]);
    expect(await changes(id)).toMatchObject([
      { name: 'base run assessed', actor: 'admin', data: { baseRun: base, assessment: 'obsolete' } },
    ]);
    expect(await changes(bystander)).toEqual([]);
    await change(base, { assessment: 'ok' });
    expect((await get(id)).warnings).toEqual([]);
    expect(await changes(id)).toHaveLength(2);
  });
});
