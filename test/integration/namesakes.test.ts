import { beforeEach, describe, expect, it } from 'vitest';
import { addUser, admin, app, ask, database, useAccounts, type Headers } from '../support/accounts.ts';
import { endJobs } from '../support/diary.ts';

useAccounts();

const body = { kind: 'script', input: { script: 'a.sh' } };
const value = 'a value that is secret';

let former: Headers;

beforeEach(async () => {
  former = await addUser('ana');
});

async function put(url: string, headers: Headers, payload: object) {
  const answer = await app.inject({ method: 'PUT', url: `/api/v1${url}`, headers, payload });
  return { status: answer.statusCode, body: answer.json() };
}

async function upload(headers: Headers): Promise<string> {
  const answer = await app.inject({
    method: 'POST',
    url: '/api/v1/files?name=a.txt',
    headers: { ...headers, 'content-type': 'application/octet-stream' },
    payload: Buffer.from('hers'),
  });
  return answer.json<{ id: string }>().id;
}

async function submit(headers: Headers, options: object = {}): Promise<number> {
  const answer = await ask('POST', '/jobs', headers, { ...body, ...options });
  expect(answer.status).toBe(201);
  return answer.body.id;
}

async function submitFailed(headers: Headers): Promise<number> {
  const id = await submit(headers);
  await endJobs(database.db, [id], { state: 'failed', reason: 'exit' });
  return id;
}

/** The account goes, and somebody else gets its name. */
async function replace(role: 'member' | 'operator' = 'member'): Promise<Headers> {
  expect((await ask('DELETE', '/users/ana', admin)).status).toBe(200);
  return addUser('ana', role);
}

const statusOf = async (answer: Promise<{ status: number }>): Promise<number> => (await answer).status;
const namesOf = ({ body: { items } }: { body: { items: { name: string }[] } }): string[] =>
  items.map(({ name }) => name);
const schedule = { name: 'nightly', cron: '0 3 * * *', submit: body };
const rule = { name: 'mine', events: ['failed'], channel: { type: 'email', to: ['ana@lab.example'] } };

describe('who gets the name of a removed account inherits', () => {
  it('no rights on jobs, which stay in the diary under the name', async () => {
    const [id, ended] = [await submit(former), await submitFailed(former)];
    const ana = await replace();
    expect(await statusOf(ask('PATCH', `/jobs/${id}`, ana, { priority: 5 }))).toBe(403);
    expect(await statusOf(ask('PATCH', `/jobs/${ended}`, ana, { assessment: 'ok' }))).toBe(403);
    expect(await statusOf(ask('POST', `/jobs/${id}/cancel`, ana))).toBe(403);
    expect(await statusOf(ask('POST', `/jobs/${ended}/retry`, ana))).toBe(403);
    expect(await statusOf(ask('DELETE', `/jobs/${ended}`, ana))).toBe(403);
    expect((await ask('GET', '/jobs?q=is:mine', ana)).body.items).toEqual([]);
    expect((await ask('GET', '/jobs?q=owner:ana', ana)).body.items).toHaveLength(2);
    const cancelled = await ask('POST', '/jobs/bulk', ana, { action: 'cancel', filter: 'owner:ana' });
    expect(cancelled.body).toMatchObject({
      changed: 0,
      skipped: [{ reason: 'belongs to somebody else', count: 2 }],
    });
    expect((await ask('GET', `/jobs/${id}`, admin)).body).toMatchObject({ state: 'queued', owner: 'ana' });
  });

  it('no idempotency key', async () => {
    const options = { idempotencyKey: 'today' };
    const id = await submit(former, options);
    expect((await ask('POST', '/jobs', former, { ...body, ...options })).body.id).toBe(id);
    const ana = await replace();
    expect(await submit(ana, options)).not.toBe(id);
  });

  it('nothing of it as an operator either, but may take over what stopped', async () => {
    await ask('POST', '/schedules', former, schedule);
    const made = await ask('POST', '/notification-rules', former, rule);
    const ana = await replace('operator');
    const bo = await addUser('bo');
    const path = `/notification-rules/${made.body.id}`;
    expect((await ask('GET', '/schedules/nightly', bo)).body).toMatchObject({
      owner: 'ana',
      ownerIsGone: true,
    });
    expect((await ask('GET', path, ana)).body).toMatchObject({ owner: 'ana', ownerIsGone: true });
    expect((await ask('POST', '/schedules/nightly/run', ana)).body).toMatchObject({
      outcome: 'refused',
      message: 'Its owner ana has no account any more; an operator can take it over.',
    });
    expect(await statusOf(ask('PATCH', '/schedules/nightly', bo, { takeOver: true }))).toBe(403);
    expect(await statusOf(ask('PATCH', path, bo, { takeOver: true }))).toBe(404);
    for (const url of ['/schedules/nightly', path]) {
      const { ownerId } = (await ask('GET', url, ana)).body;
      const { body: taken } = await ask('PATCH', url, ana, { takeOver: true });
      expect(taken).toMatchObject({ owner: 'ana', ownerIsGone: false });
      expect(taken.ownerId).not.toBe(ownerId);
    }
    expect((await ask('POST', '/schedules/nightly/run', ana)).body).toMatchObject({ outcome: 'submitted' });
  });

  it('no schedule', async () => {
    expect(await statusOf(ask('POST', '/schedules', former, schedule))).toBe(201);
    const ana = await replace();
    expect(await statusOf(ask('PATCH', '/schedules/nightly', ana, { paused: true }))).toBe(403);
    expect(await statusOf(ask('POST', '/schedules/nightly/run', ana))).toBe(403);
    expect(await statusOf(ask('DELETE', '/schedules/nightly', ana))).toBe(403);
  });

  it('no notification rule, and may have one of the same name', async () => {
    const made = await ask('POST', '/notification-rules', former, rule);
    expect(made.status).toBe(201);
    const ana = await replace();
    expect((await ask('GET', '/notification-rules', ana)).body.items).toEqual([]);
    expect(await statusOf(ask('PATCH', `/notification-rules/${made.body.id}`, ana, { paused: true }))).toBe(
      404,
    );
    expect(await statusOf(ask('POST', '/notification-rules', ana, rule))).toBe(201);
    expect((await ask('GET', `/notification-rules/${made.body.id}`, admin)).status).toBe(200);
  });

  it('no view; what was shared stays for everybody, what was not is gone', async () => {
    await put('/views/own', former, { filter: 'crash' });
    await put('/views/inbox', former, { filter: 'is:ended', shared: true });
    const ana = await replace();
    expect(namesOf(await ask('GET', '/views', ana))).toEqual(['inbox']);
    expect(await statusOf(ask('DELETE', '/views/inbox', ana))).toBe(404);
    expect((await put('/views/inbox', ana, { filter: 'hers' })).status).toBe(200);
    expect((await ask('GET', '/views', admin)).body.items).toMatchObject([
      { name: 'inbox', owner: 'ana', filter: 'is:ended' },
    ]);
    expect(await statusOf(ask('DELETE', '/views/inbox?owner=ana', admin))).toBe(204);
    expect((await ask('GET', '/views', ana)).body.items).toMatchObject([{ name: 'inbox', filter: 'hers' }]);
  });

  it('no secret', async () => {
    expect((await put('/secrets/key', admin, { value, users: ['ana', 'admin'] })).status).toBe(200);
    const env = { KEY: { secret: 'key' } };
    await submit(former, { env });
    const ana = await replace();
    expect((await ask('GET', '/secrets/key', admin)).body.users).toEqual(['admin']);
    const refused = await ask('POST', '/jobs', ana, { ...body, env });
    expect([refused.status, refused.body.details[0].message]).toEqual([
      400,
      'ana may not use the secret "key"',
    ]);
  });

  it('no secret either that was for them alone: it is then for nobody', async () => {
    await put('/secrets/key', admin, { value, users: ['ana'] });
    const ana = await replace();
    expect((await ask('GET', '/secrets/key', admin)).body.users).toEqual([]);
    for (const who of [ana, admin])
      expect(await statusOf(ask('POST', '/jobs', who, { ...body, env: { KEY: { secret: 'key' } } }))).toBe(
        400,
      );
  });

  it('no file that waits for a job', async () => {
    const file = await upload(former);
    const ana = await replace();
    const files = [{ file, name: 'a.txt' }];
    expect(await statusOf(ask('POST', '/jobs', ana, { ...body, files }))).toBe(400);
  });

  it('none of the jobs taken over from elsewhere before, and all that are taken over from then on', async () => {
    const line = (id: string): string =>
      JSON.stringify({
        source: 's',
        id,
        submittedAt: '2024-01-01T00:00:00Z',
        state: 'unknown',
        name: id,
        owner: 'ANA',
      });
    const take = async (...ids: string[]): Promise<void> => {
      const headers = { ...admin, 'content-type': 'application/x-ndjson' };
      const payload = ids.map(line).join('\n');
      const answer = await app.inject({
        method: 'POST',
        url: '/api/v1/import?update=true',
        headers,
        payload,
      });
      expect(answer.statusCode).toBe(200);
    };
    const mine = async (who: Headers): Promise<string[]> =>
      namesOf(await ask('GET', '/jobs?q=is:mine', who)).toSorted();
    await take('before');
    expect(await mine(former)).toEqual(['before']);
    const ana = await replace();
    await take('before', 'after');
    expect(await mine(ana)).toEqual(['after']);
  });

  it('no token and no session', async () => {
    const { secret } = (await ask('POST', '/tokens', former, { name: 'ci', scopes: ['all'] })).body;
    const ana = { authorization: `Bearer ${secret}` };
    expect(await statusOf(ask('GET', '/me', ana))).toBe(200);
    await replace();
    expect(await statusOf(ask('GET', '/me', ana))).toBe(401);
  });
});

it('who removes a user hears what they leave, and so does the audit', async () => {
  await submit(former);
  await ask('POST', '/schedules', former, schedule);
  await ask('POST', '/notification-rules', former, rule);
  await put('/views/own', former, { filter: 'crash' });
  await put('/views/inbox', former, { filter: 'is:ended', shared: true });
  await put('/secrets/key', admin, { value, users: ['ana'] });
  const { body: left } = await ask('DELETE', '/users/ana', admin);
  expect(left).toEqual({
    liveJobs: 1,
    schedules: 1,
    notificationRules: 1,
    sharedViews: 1,
    privateViews: 1,
    secrets: 1,
  });
  const [entry] = (await ask('GET', '/audit?action=users', admin)).body.items;
  expect(entry).toMatchObject({ action: 'users.delete', target: 'ana', details: left });
});
