import { describe, expect, it } from 'vitest';
import { addUser, admin, app, ask, database, useAccounts, type Headers } from '../support/accounts.ts';
import { endJobs } from '../support/diary.ts';

useAccounts();

const body = { kind: 'script', input: { script: 'a.sh' } };

const submit = async (headers: Headers): Promise<number> =>
  (await ask('POST', '/jobs', headers, body)).body.id;

async function end(id: number, state = 'failed'): Promise<void> {
  await endJobs(database.db, [id], { state, reason: state === 'failed' ? 'exit' : null });
}

async function put(url: string, headers: Headers, payload: object): Promise<number> {
  return (await app.inject({ method: 'PUT', url: `/api/v1${url}`, headers, payload })).statusCode;
}

/** Everything that changes a job, on one that waits and one that has ended. */
async function tryAll(headers: Headers, id: number, ended: number): Promise<number[]> {
  const answers = [
    await ask('PATCH', `/jobs/${id}`, headers, { priority: 5, name: 'mine now' }),
    await ask('POST', `/jobs/${id}/cancel`, headers),
    await ask('POST', `/jobs/${ended}/retry`, headers),
  ];
  await end(ended, 'cancelled');
  answers.push(await ask('DELETE', `/jobs/${ended}`, headers));
  return answers.map(({ status }) => status);
}

describe("somebody else's job", () => {
  it('is neither changed, cancelled, retried nor removed by a member', async () => {
    const ana = await addUser('ana');
    const bo = await addUser('bo');
    const [id, ended] = [await submit(ana), await submit(ana)];
    await end(ended);
    const before = await ask('GET', `/jobs/${id}`, admin);
    expect(await tryAll(bo, id, ended)).toEqual([403, 403, 403, 403]);
    expect((await ask('GET', `/jobs/${id}`, admin)).body).toEqual(before.body);
    expect((await ask('GET', `/jobs/${ended}`, admin)).status).toBe(200);
    const { body: events } = await ask('GET', `/jobs/${id}/events`, admin);
    expect(events.items.map(({ name }: { name: string }) => name)).toEqual(['submitted']);
  });

  it('is changed, cancelled, retried and removed by an operator, and by the member it belongs to', async () => {
    const ana = await addUser('ana');
    const olga = await addUser('olga', 'operator');
    for (const who of [olga, ana]) {
      const [id, ended] = [await submit(ana), await submit(ana)];
      await end(ended);
      expect(await tryAll(who, id, ended)).toEqual([200, 202, 202, 204]);
      expect((await ask('GET', `/jobs/${id}`, ana)).body).toMatchObject({
        state: 'cancelled',
        name: 'mine now',
      });
      expect((await ask('GET', `/jobs/${ended}`, ana)).status).toBe(404);
    }
  });
});

describe('a viewer', () => {
  it('reads everything and changes nothing, not even what was theirs', async () => {
    const ana = await addUser('ana');
    const id = await submit(ana);
    await end(id);
    await ask('PATCH', '/users/ana', admin, { role: 'viewer' });
    for (const url of [
      '/jobs',
      `/jobs/${id}`,
      `/jobs/${id}/events`,
      '/queues',
      '/lanes',
      '/workers',
      '/scripts',
      '/stats',
    ])
      expect((await ask('GET', url, ana)).status).toBe(200);
    expect((await ask('POST', '/jobs', ana, body)).status).toBe(403);
    expect(await tryAll(ana, id, id)).toEqual([403, 403, 403, 403]);
    expect((await ask('GET', `/jobs/${id}`, ana)).body).toMatchObject({
      name: 'a.sh',
      priority: 0,
      owner: 'ana',
    });
  });
});

describe('queues, lanes, workers and scripts', () => {
  it('are changed by operators only, with the audit knowing who', async () => {
    const ana = await addUser('ana');
    const olga = await addUser('olga', 'operator');
    const worker = '/workers/00000000-0000-4000-8000-000000000000';
    for (const [who, expected] of [
      [ana, [403, 403, 403, 403, 403]],
      [olga, [200, 200, 200, 404, 204]],
    ] as const) {
      expect([
        await put('/queues/nightly', who, { paused: true, note: 'for now' }),
        await put('/lanes/licence:x', who, { capacity: 2 }),
        await put('/scripts/a.sh', who, { text: '#!/bin/sh\n' }),
        (await ask('PATCH', worker, who, { draining: true })).status,
        (await ask('DELETE', '/queues/nightly', who)).status,
      ]).toEqual(expected);
      const audit = (await ask('GET', '/audit', admin)).body.items as { actor: string; action: string }[];
      const named = audit
        .map(({ actor, action }) => `${actor} ${action}`)
        .filter((line) => !/users|admin/.test(line));
      expect(named.toReversed()).toEqual(
        who === ana
          ? []
          : ['olga queues.change', 'olga lanes.change', 'olga scripts.put', 'olga queues.delete'],
      );
    }
  });
});

describe('a token', () => {
  it.each([
    ['read', { read: 200, submit: 403, cancel: 403, change: 403, remove: 403, script: 403 }],
    ['submit', { read: 200, submit: 201, cancel: 202, change: 403, remove: 403, script: 403 }],
    ['all', { read: 200, submit: 201, cancel: 202, change: 200, remove: 204, script: 200 }],
  ])('of scope %s reaches exactly so far', async (scope, expected) => {
    const made = await ask('POST', '/tokens', admin, { name: `of ${scope}`, scopes: [scope] });
    const token = { authorization: `Bearer ${made.body.secret}` };
    const [id, ended] = [await submit(admin), await submit(admin)];
    await end(ended);
    expect({
      read: (await ask('GET', `/jobs/${id}`, token)).status,
      submit: (await ask('POST', '/jobs', token, body)).status,
      change: (await ask('PATCH', `/jobs/${id}`, token, { tags: ['a'] })).status,
      cancel: (await ask('POST', `/jobs/${id}/cancel`, token)).status,
      remove: (await ask('DELETE', `/jobs/${ended}`, token)).status,
      script: await put('/scripts/b.sh', token, { text: '' }),
    }).toEqual(expected);
  });
});
