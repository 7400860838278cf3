import { describe, expect, it } from 'vitest';
import { createAuditStore } from '../../src/adapters/store/audit-store.ts';
import { createDatabase } from '../../src/adapters/store/database.ts';
import {
  accounts,
  addUser,
  admin,
  advance,
  app,
  ask,
  basic,
  clock,
  database,
  hourMs,
  replaceApp,
  signIn,
  useAccounts,
} from '../support/accounts.ts';

useAccounts();

describe('users', () => {
  it('are added, changed and removed by an admin, and the audit says so', async () => {
    const made = await ask('POST', '/users', admin, { name: 'Ana', password: 'password of ana' });
    expect(made).toMatchObject({ status: 201, body: { name: 'Ana', displayName: 'Ana', role: 'member' } });
    expect(JSON.stringify(made.body)).not.toContain('scrypt');
    const changed = await ask('PATCH', '/users/ana', admin, { role: 'operator', password: 'another one' });
    expect(changed.body).toMatchObject({ name: 'Ana', role: 'operator' });
    expect((await ask('GET', '/users', admin)).body.items).toHaveLength(2);
    expect((await ask('DELETE', '/users/ANA', admin)).status).toBe(200);
    expect((await ask('DELETE', '/users/ana', admin)).status).toBe(404);
    const { body } = await ask('GET', '/audit?action=users', admin);
    expect(body.items).toMatchObject([
      { actor: 'admin', action: 'users.delete', target: 'ANA' },
      { action: 'users.change', target: 'Ana', details: { role: 'operator', password: 'changed' } },
      { action: 'users.create', target: 'Ana', address: '127.0.0.1', requestId: expect.any(String) },
    ]);
    expect(JSON.stringify(body)).not.toContain('another one');
  });

  it('have one name however it is written', async () => {
    await addUser('ana');
    const again = await ask('POST', '/users', admin, { name: 'ANA', password: 'password of ana' });
    expect(again).toMatchObject({ status: 409, body: { code: 'conflict', details: [{ field: 'name' }] } });
  });

  it('are refused with every wrong field named', async () => {
    const payload = { name: 'a b', role: 'king', password: 'short', admin: true };
    const { status, body } = await ask('POST', '/users', admin, payload);
    expect([status, body.code]).toEqual([400, 'invalid_input']);
    expect(body.details.map((detail: { field: string }) => detail.field).toSorted()).toEqual([
      'admin',
      'name',
      'password',
      'role',
    ]);
  });

  it('that are disabled lose sessions, tokens and passwords at once', async () => {
    const ana = await addUser('ana');
    const session = await signIn('ana', 'password of ana');
    const token = await ask('POST', '/tokens', ana, { name: 'ci' });
    const bearer = { authorization: `Bearer ${token.body.secret}` };
    for (const headers of [ana, session, bearer]) expect((await ask('GET', '/me', headers)).status).toBe(200);
    expect((await ask('PATCH', '/users/ana', admin, { disabled: true })).status).toBe(200);
    for (const headers of [ana, session, bearer]) expect((await ask('GET', '/me', headers)).status).toBe(401);
    await ask('PATCH', '/users/ana', admin, { disabled: false });
    expect((await ask('GET', '/me', session)).status).toBe(401);
    expect((await ask('GET', '/me', ana)).status).toBe(200);
  });

  it('keep one admin who can sign in', async () => {
    await accounts.createUser({ name: 'old', role: 'admin', password: 'password of old' });
    await accounts.updateUser('old', { disabled: true });
    for (const change of [{ role: 'operator' }, { disabled: true }]) {
      expect(await ask('PATCH', '/users/admin', admin, change)).toMatchObject({
        status: 409,
        body: { code: 'conflict' },
      });
    }
    expect((await ask('DELETE', '/users/admin', admin)).status).toBe(409);
    expect((await ask('PATCH', '/users/admin', admin, { displayName: 'Boss' })).status).toBe(200);
  });

  it('keep one admin even when two demote each other at once', async () => {
    for (let round = 0; round < 10; round += 1) {
      await accounts.createUser({ name: `other${round}`, role: 'admin', password: 'password of other' });
      const results = await Promise.allSettled([
        accounts.updateUser('admin', { role: 'member' }),
        round % 2 === 0
          ? accounts.updateUser(`other${round}`, { disabled: true })
          : accounts.deleteUser(`other${round}`),
      ]);
      expect(results.filter((result) => result.status === 'rejected')).toHaveLength(1);
      await database.db.query("delete from users where name <> 'admin'");
      await database.db.query("update users set role = 'admin'");
    }
  });
});

describe('a name that nobody can have', () => {
  it('is refused like any other, in a sign-in and as the user of Basic', async () => {
    const name = 'a\0b';
    const password = 'does not matter';
    expect((await ask('POST', '/sessions', {}, { name, password })).status).toBe(401);
    expect((await ask('GET', '/me', basic(name, password))).status).toBe(401);
  });
});

describe('tokens', () => {
  it('are shown once, stored as a hash, and work as Bearer and as the password of Basic', async () => {
    const ana = await addUser('ana');
    const { status, body } = await ask('POST', '/tokens', ana, { name: 'ci', scopes: ['submit'] });
    expect(status).toBe(201);
    expect(body.secret).toMatch(/^dbk_[\w-]{43}$/);
    expect(body.token).toMatchObject({ name: 'ci', scopes: ['submit'], createdBy: 'ana', lastUsedAt: null });
    const bearer = await ask('GET', '/me', { authorization: `Bearer ${body.secret}` });
    expect(bearer.body).toMatchObject({ user: { name: 'ana' }, via: 'token', scopes: ['submit'] });
    expect((await ask('GET', '/me', basic('Ana', body.secret))).body.via).toBe('token');
    expect((await ask('GET', '/me', basic('admin', body.secret))).status).toBe(401);
    const list = await ask('GET', '/tokens', ana);
    expect(list.body.items).toMatchObject([{ name: 'ci', lastUsedAt: '2026-03-01T12:00:00.000Z' }]);
    const rows = await database.db.query<{ row: string }>('select tokens::text as row from tokens');
    expect(`${JSON.stringify(list.body)}${rows[0]?.row}`).not.toContain(body.secret);
  });

  it('reach as far as their scopes, and never make others', async () => {
    const read = await ask('POST', '/tokens', admin, { name: 'look', scopes: ['read'] });
    const all = await ask('POST', '/tokens', admin, { name: 'do' });
    const readOnly = { authorization: `Bearer ${read.body.secret}` };
    const full = { authorization: `Bearer ${all.body.secret}` };
    const user = { name: 'eve', password: 'password of eve' };
    expect((await ask('GET', '/users', readOnly)).status).toBe(200);
    expect((await ask('POST', '/users', readOnly, user)).body.code).toBe('forbidden');
    expect((await ask('GET', '/tokens', readOnly)).status).toBe(403);
    expect((await ask('POST', '/users', full, user)).status).toBe(201);
    expect((await ask('POST', '/tokens', full, { name: 'child' })).body.code).toBe('forbidden');
  });

  it('end when they expire or are revoked, and belong to one person', async () => {
    const ana = await addUser('ana');
    const soon = await ask('POST', '/tokens', ana, { name: 'soon', expiresAt: '2026-03-01T14:00:00+01:00' });
    const other = await ask('POST', '/tokens', ana, { name: 'other' });
    const bearer = (answer: typeof soon) => ({ authorization: `Bearer ${answer.body.secret}` });
    expect((await ask('GET', '/me', bearer(soon))).status).toBe(200);
    advance(hourMs);
    expect((await ask('GET', '/me', bearer(soon))).status).toBe(401);
    const url = `/tokens/${other.body.token.id}`;
    expect((await ask('DELETE', url, admin)).status).toBe(404);
    expect((await ask('GET', '/me', bearer(other))).status).toBe(200);
    expect((await ask('DELETE', url, ana)).status).toBe(204);
    expect((await ask('GET', '/me', bearer(other))).status).toBe(401);
    const past = await ask('POST', '/tokens', ana, { name: 'late', expiresAt: '2026-03-01T12:00:00Z' });
    expect(past.body).toMatchObject({ code: 'invalid_input', details: [{ field: 'expiresAt' }] });
  });
});

describe('the audit', () => {
  it('is read page by page without gap or repeat, and filtered', async () => {
    const log = createAuditStore(database.db);
    await database.db.query('truncate audit restart identity');
    for (let number = 1; number <= 7; number += 1) {
      const rest = { details: { number }, address: null, requestId: null };
      const actor = number % 2 === 0 ? 'ana' : 'bob';
      await log.record(
        { actor, action: 'jobs.cancel', target: String(number), ...rest },
        new Date(clock.now().getTime() + number),
      );
    }
    const seen: number[] = [];
    let cursor: number | null = null;
    do {
      const page = await ask('GET', `/audit?limit=3${cursor === null ? '' : `&cursor=${cursor}`}`, admin);
      seen.push(...page.body.items.map((item: { id: number }) => item.id));
      cursor = page.body.cursor;
    } while (cursor !== null);
    expect(seen).toEqual([7, 6, 5, 4, 3, 2, 1]);
    const ids = async (query: string) =>
      (await ask('GET', `/audit?${query}`, admin)).body.items.map((item: { id: number }) => item.id);
    expect(await ids('actor=ana')).toEqual([6, 4, 2]);
    expect(await ids('action=job')).toEqual([]);
    expect(await ids('target=5')).toEqual([5]);
    expect(await ids('since=2026-03-01T12:00:00.006Z')).toEqual([7, 6]);
    expect(await ids('until=2026-03-01T12:00:00.002Z')).toEqual([1]);
    expect((await ask('GET', '/audit?limit=many&colour=red', admin)).body.details).toHaveLength(2);
  });

  it('says who signed in and from where', async () => {
    await signIn('admin', 'admin password', '203.0.113.9');
    const { body } = await ask('GET', '/audit', admin);
    expect(body.items).toMatchObject([{ actor: 'admin', action: 'sessions.create', address: '203.0.113.9' }]);
  });
});

describe('without the database', () => {
  it('requests hear 503 and when to try again, whatever they show', async () => {
    const away = createDatabase({
      connection: { connectionString: 'postgres://postgres@127.0.0.1:1/none' },
      poolSize: 1,
      applicationName: 'daybook-test',
      onIdleError: () => {},
    });
    await replaceApp(away);
    const all = [
      admin,
      { authorization: `Bearer dbk_${'x'.repeat(43)}` },
      { cookie: 'daybook_session_80=x' },
    ];
    for (const headers of all) {
      const answer = await ask('GET', '/me', headers);
      expect(answer).toMatchObject({ status: 503, body: { code: 'database_unavailable' } });
      expect(answer.headers['retry-after']).toBe('2');
    }
    const login = await ask('POST', '/sessions', {}, { name: 'admin', password: 'admin password' });
    expect(login.status).toBe(503);
    expect((await app.inject({ url: '/healthz' })).statusCode).toBe(200);
    await away.close();
  });
});
