import { describe, expect, it } from 'vitest';
import { createFleetStore } from '../../src/adapters/store/fleet/fleet-store.ts';
import { createJobStore } from '../../src/adapters/store/job-store.ts';
import { admin, ask, database, useAccounts } from '../support/accounts.ts';
import { joinWorker, succeeded } from '../support/jobs.ts';

useAccounts();

const submit = async (options: object = {}): Promise<number> =>
  (await ask('POST', '/jobs', admin, { kind: 'script', input: { script: 'a.sh' }, ...options })).body.id;
const why = async (id: number): ReturnType<typeof ask> => ask('GET', `/jobs/${id}/waiting`, admin);

describe('a job that names others', () => {
  it('waits, shows what for, and goes on when a submit names jobs that have ended already', async () => {
    const store = createJobStore(database.db);
    const first = await submit();
    const id = await submit({ after: [first], afterOk: [first] });
    expect((await ask('GET', `/jobs/${id}`, admin)).body).toMatchObject({
      state: 'waiting',
      after: [{ jobId: first, mustSucceed: true, state: 'queued' }],
    });
    expect((await why(id)).body).toMatchObject({
      state: 'waiting',
      reasons: [{ reason: 'job', jobId: first, until: null }, { reason: 'no-worker' }],
      startsAt: null,
    });
    const dependants = (await ask('GET', `/jobs?q=after:${first}`, admin)).body.items as { id: number }[];
    expect(dependants.map((one) => one.id)).toEqual([id]);
    const [job] = await (await joinWorker(database.db)).claim(1);
    if (job) await store.finish([succeeded(job)]);
    const late = await submit({ afterOk: [first] });
    expect((await ask('GET', `/jobs/${late}`, admin)).body.state).toBe('queued');
  });

  it('is refused when one of them is not there, naming the field and the number', async () => {
    const first = await submit();
    const answer = await ask('POST', '/jobs', admin, {
      kind: 'script',
      input: { script: 'a.sh' },
      after: [first],
      afterOk: [987_654],
    });
    expect(answer).toMatchObject({
      status: 400,
      body: { details: [{ field: 'afterOk', message: 'there is no job 987654' }] },
    });
  });

  it('fails at once when what it needs is cancelled', async () => {
    const first = await submit();
    const id = await submit({ afterOk: [first] });
    await ask('POST', `/jobs/${first}/cancel`, admin);
    expect((await ask('GET', `/jobs/${id}`, admin)).body).toMatchObject({
      state: 'failed',
      reason: 'rejected',
    });
  });
});

describe('the reasons for waiting', () => {
  it('name the holder of a lane, the busy slots and the jobs ahead, with times from past runs', async () => {
    const store = createJobStore(database.db);
    await createFleetStore(database.db).putLane('licence:x', { capacity: 1 });
    const past = await submit();
    const worker = await joinWorker(database.db, { slots: 1 });
    const [ran] = await worker.claim(1);
    if (ran) await store.finish([succeeded(ran)]);
    const tenMinutes = `update ends set started_at = ended_at - interval '10 minutes' where job_id = $1`;
    await database.db.query(tenMinutes, [past]);
    const holder = await submit({ lanes: ['licence:x'] });
    await worker.claim(1);
    const second = await submit({ lanes: ['licence:x'] });
    expect(await worker.claim(1)).toEqual([]);
    expect((await why(second)).body.reasons).toMatchObject([
      { reason: 'lane', lane: 'licence:x', holders: [holder] },
    ]);
    const first = await submit();
    const last = await submit({ priority: -1 });
    expect((await why(first)).body.reasons).toMatchObject([{ reason: 'slots', running: 1, slots: 1 }]);
    const { reasons, startsAt } = (await why(last)).body;
    expect(reasons).toMatchObject([{ reason: 'slots' }, { reason: 'jobs-ahead', ahead: 1 }]);
    const startsInMs = Date.parse(startsAt) - Date.now();
    expect(startsInMs).toBeGreaterThan(19 * 60_000);
    expect(startsInMs).toBeLessThanOrEqual(20 * 60_000);
  });

  it('are nothing for a job that has ended, and a job that is not there is not found', async () => {
    const id = await submit();
    await ask('POST', `/jobs/${id}/cancel`, admin);
    expect((await why(id)).body).toMatchObject({ state: 'cancelled', reasons: [], startsAt: null });
    expect((await why(987_654)).status).toBe(404);
  });
});
