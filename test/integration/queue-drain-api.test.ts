import { beforeEach, describe, expect, it } from 'vitest';
import { createJobStore } from '../../src/adapters/store/job-store.ts';
import { addUser, admin, app, ask, database, useAccounts, type Headers } from '../support/accounts.ts';
import { failed, joinWorker, submitOne } from '../support/jobs.ts';

useAccounts();

beforeEach(async () => {
  await send('PUT', '/api/v1/queues/nightly', { draining: false });
  await send('PUT', '/api/v1/queues/default', { draining: false });
});

async function send(
  method: 'POST' | 'PUT' | 'PATCH',
  url: string,
  payload: object,
  headers: Headers = admin,
) {
  const answer = await app.inject({ method, url, headers, payload });
  return { status: answer.statusCode, body: answer.json() };
}

const drain = (name: string): Promise<unknown> => send('PUT', `/api/v1/queues/${name}`, { draining: true });
const input = { script: 'a.sh', arguments: [] };
const refused = { code: 'queue_draining', details: [{ field: 'queue' }] };

async function failedJob(queue: string): Promise<number> {
  const store = createJobStore(database.db);
  const id = await submitOne(store, { queue, owner: 'admin' });
  const [job] = await (await joinWorker(database.db, { queues: [queue] })).claim(1);
  if (!job) throw new Error('there is a job to claim');
  await store.finish([failed(job)]);
  return id;
}

describe('a queue that drains', () => {
  it('is set by operators, shown to all, and stands in the audit', async () => {
    const [ana, olga] = [await addUser('ana'), await addUser('olga', 'operator')];
    expect((await send('PUT', '/api/v1/queues/nightly', { draining: true }, ana)).status).toBe(403);
    const set = await send('PUT', '/api/v1/queues/nightly', { draining: true }, olga);
    expect(set.body).toMatchObject({ draining: true, drainTotal: 0, paused: false });
    const { items } = (await ask('GET', '/queues', ana)).body;
    expect(items).toContainEqual(expect.objectContaining({ name: 'nightly', draining: true }));
    const audit = (await ask('GET', '/audit?action=queues.change', admin)).body.items;
    expect(audit[0]).toMatchObject({ actor: 'olga', target: 'nightly', details: { draining: true } });
  });

  it('answers a submit with 409 and the field, but a repetition with its job', async () => {
    const body = { kind: 'script', input, queue: 'nightly', idempotencyKey: 'once' };
    const first = await send('POST', '/api/v1/jobs', body);
    expect(first.status).toBe(201);
    await drain('nightly');
    const again = await send('POST', '/api/v1/jobs', body);
    expect([again.status, again.body.id]).toEqual([200, first.body.id]);
    const other = await send('POST', '/api/v1/jobs', { ...body, idempotencyKey: 'twice' });
    expect([other.status, other.body]).toMatchObject([409, refused]);
    const waiting = await ask('GET', `/jobs/${first.body.id}/waiting`, admin);
    expect([waiting.status, waiting.body.state]).toEqual([200, 'queued']);
  });

  it('takes no retry, no run again and no job of another queue', async () => {
    const id = await failedJob('nightly');
    const waiting = (await send('POST', '/api/v1/jobs', { kind: 'script', input })).body.id;
    await drain('nightly');
    const retry = await send('POST', `/api/v1/jobs/${id}/retry`, {});
    expect([retry.status, retry.body]).toMatchObject([409, refused]);
    const again = await send('POST', `/api/v1/jobs/${id}/again`, {});
    expect([again.status, again.body]).toMatchObject([409, refused]);
    const moved = await send('PATCH', `/api/v1/jobs/${waiting}`, { queue: 'nightly' });
    expect([moved.status, moved.body]).toMatchObject([409, refused]);
    const bulk = await send('POST', '/api/v1/jobs/bulk', {
      action: 'move',
      queue: 'nightly',
      filter: `id:${waiting}`,
    });
    expect([bulk.status, bulk.body]).toMatchObject([409, refused]);
    expect((await ask('GET', `/jobs/${waiting}`, admin)).body.queue).toBe('default');
    expect((await ask('GET', `/jobs/${id}`, admin)).body).toMatchObject({ state: 'failed', attempt: 1 });
  });

  it('is passed over by a retry of many jobs, which goes on with the others', async () => {
    const [held, free] = [await failedJob('nightly'), await failedJob('default')];
    await drain('nightly');
    const { status, body } = await send('POST', '/api/v1/jobs/bulk', {
      action: 'retry',
      filter: 'state:failed',
    });
    expect([status, body]).toMatchObject([
      200,
      { changed: 1, skipped: [{ reason: 'is of a queue that takes no new jobs', jobs: [held] }] },
    ]);
    expect((await ask('GET', `/jobs/${free}`, admin)).body.state).toBe('queued');
  });

  it('is told to older clients in their own words', async () => {
    await drain('default');
    const { status, body } = await send('POST', '/task/create', { script: 'a.sh', arguments: {} });
    expect([status, body]).toEqual([
      409,
      { detail: expect.stringMatching(/the queue "default" takes no new jobs/) },
    ]);
  });
});
