import { beforeEach, describe, expect, it } from 'vitest';
import { createFleetStore } from '../../src/adapters/store/fleet/fleet-store.ts';
import { admin, ask, database, useAccounts } from '../support/accounts.ts';
import { joinWorker } from '../support/jobs.ts';

useAccounts();

const body = { kind: 'script', input: { script: 'a.sh' } };

beforeEach(() => createFleetStore(database.db).putQueue('big', {}));

const submit = async (options: object = {}): Promise<number> =>
  (await ask('POST', '/jobs', admin, { ...body, ...options })).body.id;

describe('a change', () => {
  it('of everything that may be changed takes effect, is an event, and leaves the rest', async () => {
    const id = await submit({ tags: ['a'], project: 'p', timeoutSeconds: 5 });
    const before = (await ask('GET', `/jobs/${id}`, admin)).body;
    const change = {
      name: ' new name ',
      priority: -3,
      queue: 'big',
      project: null,
      tags: ['b', 'c'],
      keep: true,
    };
    const { status, body: after } = await ask('PATCH', `/jobs/${id}`, admin, change);
    expect(status).toBe(200);
    expect(after).toMatchObject({ ...change, name: 'new name' });
    const { name, priority, queue, project, tags, keep, lanes, ...rest } = before;
    expect(after).toMatchObject(rest);
    const { items } = (await ask('GET', `/jobs/${id}/events`, admin)).body;
    expect(items.at(-1)).toMatchObject({
      name: 'changed',
      actor: 'admin',
      data: {
        before: { name, priority, queue, project, tags, keep },
        after: { ...change, name: 'new name' },
      },
    });
    expect(lanes).toContain('queue:default');
  });

  it('of what is not named changes nothing', async () => {
    const id = await submit({ tags: ['a'], project: 'p' });
    const before = (await ask('GET', `/jobs/${id}`, admin)).body;
    expect((await ask('PATCH', `/jobs/${id}`, admin, {})).body).toEqual(before);
  });

  it.each([
    [{ queue: 'Big' }, 'queue'],
    [{ priority: 2000 }, 'priority'],
    [{ name: '' }, 'name'],
    [{ name: 'a\0' }, 'name'],
    [{ name: 'a\ud800' }, 'name'],
    [{ tags: [''] }, 'tags.0'],
    [{ keep: 'yes' }, 'keep'],
    [{ state: 'succeeded' }, 'state'],
    [{ owner: 'bo' }, 'owner'],
  ])('such as %j is refused, naming what is wrong', async (change, field) => {
    const id = await submit();
    const before = (await ask('GET', `/jobs/${id}`, admin)).body;
    const answer = await ask('PATCH', `/jobs/${id}`, admin, change);
    expect(answer).toMatchObject({ status: 400, body: { code: 'invalid_input', details: [{ field }] } });
    expect((await ask('GET', `/jobs/${id}`, admin)).body).toEqual(before);
  });

  it('of queue or priority is refused once the job runs; name, tags and keep are not', async () => {
    const id = await submit();
    const worker = await joinWorker(database.db);
    expect(await worker.claim()).toHaveLength(1);
    for (const change of [{ queue: 'big' }, { priority: 1 }, { priority: 1, name: 'x' }]) {
      const answer = await ask('PATCH', `/jobs/${id}`, admin, change);
      expect(answer).toMatchObject({ status: 409, body: { code: 'conflict', message: /running/ } });
    }
    expect((await ask('GET', `/jobs/${id}`, admin)).body).toMatchObject({
      queue: 'default',
      priority: 0,
      name: 'a.sh',
    });
    const answer = await ask('PATCH', `/jobs/${id}`, admin, { name: 'still mine', tags: ['t'], keep: true });
    expect(answer).toMatchObject({ status: 200, body: { name: 'still mine', state: 'running' } });
  });

  it('to a queue that is not there is refused, naming it', async () => {
    const id = await submit();
    const answer = await ask('PATCH', `/jobs/${id}`, admin, { queue: 'nowhere' });
    expect(answer).toMatchObject({ status: 400, body: { details: [{ field: 'queue' }] } });
  });

  it('of the queue lets the job count in the limit of the new queue, no longer in that of the old', async () => {
    const id = await submit();
    const { body: after } = await ask('PATCH', `/jobs/${id}`, admin, { queue: 'big' });
    expect(after.lanes).toContain('queue:big');
    expect(after.lanes).not.toContain('queue:default');
  });
});

describe('what is waiting', () => {
  it('is cancelled at once, by whom the record says, and can be run once more', async () => {
    const id = await submit({ runAt: '2999-01-01T00:00:00Z' });
    const cancelled = await ask('POST', `/jobs/${id}/cancel`, admin);
    expect(cancelled).toMatchObject({
      status: 202,
      body: { state: 'cancelled', attempt: 0, message: 'Cancelled by admin', endedAt: expect.any(String) },
    });
    expect(await ask('POST', `/jobs/${id}/cancel`, admin)).toMatchObject({
      status: 409,
      body: { code: 'conflict' },
    });
    const again = await ask('POST', `/jobs/${id}/retry`, admin);
    expect(again).toMatchObject({
      status: 202,
      body: { state: 'queued', runAt: null, endedAt: null, message: null },
    });
    expect(await ask('POST', `/jobs/${id}/retry`, admin)).toMatchObject({ status: 409 });
    expect(await ask('DELETE', `/jobs/${id}`, admin)).toMatchObject({ status: 409 });
  });

  it.each(['cancel', 'retry'])('is not there: %s of an unknown job is 404', async (action) => {
    expect((await ask('POST', `/jobs/999999999/${action}`, admin)).status).toBe(404);
    expect((await ask('DELETE', '/jobs/999999999', admin)).status).toBe(404);
    expect((await ask('PATCH', '/jobs/999999999', admin, { name: 'x' })).status).toBe(404);
  });
});
