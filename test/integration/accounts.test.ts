import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createAccounts } from '../../src/accounts/accounts.ts';
import type { Accounts } from '../../src/accounts/ports.ts';
import type { Role } from '../../src/contract/actor.ts';
import type { App } from '../../src/http/access.ts';
import { createAudit } from '../../src/http/audit.ts';
import { registerRoutes } from '../../src/http/routes.ts';
import { createHttpServer } from '../../src/http/server.ts';
import { createAccountStore } from '../../src/store/accounts.ts';
import { createAuditLog } from '../../src/store/audit.ts';
import { createDatabase, type Database } from '../../src/store/database.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const passwordCost = { N: 16, r: 1, p: 1 };

let database: TestDatabase;
let nowMs: number;
let app: App;
let accounts: Accounts;

const clock = { now: () => new Date(nowMs), monotonicMs: () => nowMs };

beforeAll(async () => {
  database = await createTestDatabase();
});

afterAll(() => database.drop());

function createTestAccounts(db: Database = database.db): Accounts {
  return createAccounts({
    store: createAccountStore(db),
    clock,
    passwordCost,
    sessionIdleMs: hourMs,
    sessionMaxMs: 3 * hourMs,
  });
}

async function createApp(db: Database = database.db, publicUrl: URL | null = null): Promise<App> {
  const auditLog = createAuditLog(db);
  const created = await createHttpServer({ accounts, trustProxy: true, publicUrl, host: '127.0.0.1' });
  const isHttps = publicUrl?.protocol === 'https:';
  registerRoutes(created, {
    accounts,
    auditLog,
    audit: createAudit(auditLog, clock),
    isHttps,
    readiness: [],
  });
  return created;
}

beforeEach(async () => {
  nowMs = Date.parse('2026-03-01T12:00:00Z');
  await database.db.query('truncate users, sessions, tokens, audit restart identity');
  accounts = createTestAccounts();
  app = await createApp();
  await accounts.ensureFirstAdmin('admin password');
});

afterEach(() => app.close());

type Headers = Record<string, string>;

const admin = basic('admin', 'admin password');

function basic(name: string, password: string): Headers {
  return { authorization: `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}` };
}

async function ask(
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE',
  url: string,
  headers: Headers,
  payload?: object,
) {
  const answer = await app.inject({ method, url: `/api/v1${url}`, headers, ...(payload ? { payload } : {}) });
  return {
    status: answer.statusCode,
    body: answer.body === '' ? null : answer.json(),
    headers: answer.headers,
  };
}

async function addUser(name: string, role: Role = 'member'): Promise<Headers> {
  const password = `password of ${name}`;
  await accounts.createUser({ name, role, password });
  return basic(name, password);
}

async function signIn(name: string, password: string, address = '10.0.0.1'): Promise<Headers> {
  const answer = await ask('POST', '/sessions', { 'x-forwarded-for': address }, { name, password });
  expect(answer.status).toBe(201);
  return { cookie: String(answer.headers['set-cookie']).split(';')[0] ?? '' };
}

describe('the first start', () => {
  beforeEach(async () => {
    await database.db.query('truncate users restart identity cascade');
  });

  it('makes an admin with a readable password, once', async () => {
    const first = await accounts.ensureFirstAdmin(null);
    expect(first).toMatchObject({ name: 'admin', generated: true });
    expect(await accounts.ensureFirstAdmin(null)).toBeNull();
    const me = await ask('GET', '/me', basic('admin', first?.password ?? ''));
    expect(me.body).toMatchObject({ user: { name: 'admin', role: 'admin' }, via: 'password' });
  });

  it('of several servers at once makes one admin, whose password one of them tells', async () => {
    const starts = await Promise.all(
      Array.from({ length: 6 }, () => createTestAccounts().ensureFirstAdmin(null)),
    );
    const told = starts.filter((start) => start !== null);
    expect(told).toHaveLength(1);
    expect(await accounts.listUsers()).toHaveLength(1);
    expect((await ask('GET', '/me', basic('admin', told[0]?.password ?? ''))).status).toBe(200);
  });

  it('takes the password of the environment, and later starts never overwrite a changed one', async () => {
    expect(await accounts.ensureFirstAdmin('from environment')).toMatchObject({ generated: false });
    await accounts.updateUser('admin', { password: 'changed since' });
    expect(await accounts.ensureFirstAdmin('from environment')).toBeNull();
    expect((await ask('GET', '/me', basic('admin', 'changed since'))).status).toBe(200);
    expect((await ask('GET', '/me', basic('admin', 'from environment'))).status).toBe(401);
  });

  it('refuses a password of the environment that breaks the rule, by its name', async () => {
    await expect(accounts.ensureFirstAdmin('short')).rejects.toMatchObject({
      code: 'configuration',
      message: expect.stringContaining('DAYBOOK_ADMIN_PASSWORD'),
    });
    expect(await accounts.listUsers()).toEqual([]);
  });
});

describe('sessions', () => {
  it('come as a cookie that scripts and foreign pages cannot use, stored as a hash', async () => {
    const answer = await ask('POST', '/sessions', {}, { name: 'ADMIN', password: 'admin password' });
    expect(answer.status).toBe(201);
    const cookie = String(answer.headers['set-cookie']);
    expect(cookie).toMatch(/^daybook_session=[\w-]{43}; .*Path=\/; .*HttpOnly; SameSite=Lax/);
    expect(cookie).not.toContain('Secure');
    const secret = /=([\w-]{43})/.exec(cookie)?.[1] ?? '';
    expect(answer.body).toMatchObject({ user: { name: 'admin' }, session: { current: true } });
    expect(JSON.stringify(answer.body)).not.toContain(secret);
    const rows = await database.db.query<{ row: string }>('select sessions::text as row from sessions');
    expect(rows[0]?.row).not.toContain(secret);
  });

  it('have a Secure cookie when the public address is https', async () => {
    await app.close();
    app = await createApp(database.db, new URL('https://jobs.example'));
    const answer = await ask('POST', '/sessions', {}, { name: 'admin', password: 'admin password' });
    expect(String(answer.headers['set-cookie'])).toContain('Secure');
  });

  it('end when nobody used them for a while, and stay alive while somebody does', async () => {
    const used = await signIn('admin', 'admin password');
    const unused = await signIn('admin', 'admin password');
    nowMs += 45 * minuteMs;
    expect((await ask('GET', '/me', used)).status).toBe(200);
    nowMs += 45 * minuteMs;
    expect((await ask('GET', '/me', used)).status).toBe(200);
    expect(await ask('GET', '/me', unused)).toMatchObject({
      status: 401,
      body: { code: 'not_authenticated' },
    });
  });

  it('end in the end, however much they are used', async () => {
    const session = await signIn('admin', 'admin password');
    for (let time = 0; time < 5; time += 1) {
      nowMs += 30 * minuteMs;
      expect((await ask('GET', '/me', session)).status).toBe(200);
    }
    nowMs += 30 * minuteMs;
    expect((await ask('GET', '/me', session)).status).toBe(401);
  });

  it('end by signing out, and leave the others alone', async () => {
    const [one, other] = [await signIn('admin', 'admin password'), await signIn('admin', 'admin password')];
    const out = await ask('DELETE', '/sessions/current', one);
    expect(out.status).toBe(204);
    expect(String(out.headers['set-cookie'])).toContain('daybook_session=;');
    expect((await ask('GET', '/me', one)).status).toBe(401);
    expect((await ask('GET', '/me', other)).status).toBe(200);
  });

  it('are listed and ended one by one, but only by whom they belong to', async () => {
    const ana = await addUser('ana');
    const session = await signIn('admin', 'admin password');
    const { body } = await ask('GET', '/sessions', session);
    expect(body.items).toMatchObject([{ id: 1, current: true, address: '10.0.0.1' }]);
    expect((await ask('DELETE', '/sessions/1', ana)).status).toBe(404);
    expect((await ask('GET', '/me', session)).status).toBe(200);
    expect((await ask('DELETE', '/sessions/1', admin)).status).toBe(204);
    expect((await ask('GET', '/me', session)).status).toBe(401);
  });

  it('are refused to a foreign page, with or without the cookie', async () => {
    const session = await signIn('admin', 'admin password');
    const foreign = { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' };
    const user = { name: 'eve', role: 'admin', password: 'password of eve' };
    expect((await ask('POST', '/users', { ...session, ...foreign }, user)).body.code).toBe('cross_origin');
    const login = { name: 'admin', password: 'admin password' };
    expect((await ask('POST', '/sessions', foreign, login)).body.code).toBe('cross_origin');
    expect(await accounts.listUsers()).toHaveLength(1);
  });
});

describe('wrong passwords', () => {
  const login = (name: string, password: string, address: string) =>
    ask('POST', '/sessions', { 'x-forwarded-for': address }, { name, password });

  it('delay the next try, and never that of the real person elsewhere', async () => {
    for (let time = 0; time < 4; time += 1) {
      const answer = await login('admin', `guess number ${time}`, '203.0.113.5');
      expect(answer).toMatchObject({ status: 401, body: { code: 'not_authenticated' } });
    }
    const fifth = await login('admin', 'admin password', '203.0.113.5');
    expect(fifth).toMatchObject({
      status: 429,
      body: { code: 'too_many_requests' },
      headers: { 'retry-after': '1' },
    });
    expect((await login('admin', 'admin password', '10.0.0.1')).status).toBe(201);
    nowMs += 1_000;
    expect((await login('admin', 'admin password', '203.0.113.5')).status).toBe(201);
  });

  it('do not tell whether there is such a user', async () => {
    const wrong = await login('admin', 'not the password', '10.0.0.1');
    const unknown = await login('nobody', 'not the password', '10.0.0.1');
    expect(unknown.status).toBe(wrong.status);
    expect(unknown.body).toEqual(wrong.body);
  });

  it('by Basic count like those of signing in', async () => {
    for (let time = 0; time < 4; time += 1) {
      expect((await ask('GET', '/me', basic('admin', `guess number ${time}`))).status).toBe(401);
    }
    expect((await ask('GET', '/me', basic('admin', 'guess number 4'))).status).toBe(429);
  });
});

describe('passwords', () => {
  it('change with the old one; other sessions end, this one and tokens stay', async () => {
    const [mine, other] = [await signIn('admin', 'admin password'), await signIn('admin', 'admin password')];
    const made = await ask('POST', '/tokens', mine, { name: 'ci' });
    const wrong = await ask('PATCH', '/me/password', mine, {
      currentPassword: 'not it',
      newPassword: 'a new password',
    });
    expect(wrong.body).toMatchObject({ code: 'invalid_input', details: [{ field: 'currentPassword' }] });
    expect((await ask('GET', '/me', other)).status).toBe(200);
    const change = { currentPassword: 'admin password', newPassword: 'a new password' };
    expect((await ask('PATCH', '/me/password', mine, change)).status).toBe(204);
    expect((await ask('GET', '/me', mine)).status).toBe(200);
    expect((await ask('GET', '/me', other)).status).toBe(401);
    expect((await ask('GET', '/me', { authorization: `Bearer ${made.body.secret}` })).status).toBe(200);
    expect((await ask('GET', '/me', admin)).status).toBe(401);
    expect((await ask('GET', '/me', basic('admin', 'a new password'))).status).toBe(200);
  });

  it('set on the machine itself bring back who lost it or was disabled', async () => {
    const ana = await addUser('ana');
    await accounts.updateUser('ana', { disabled: true });
    await accounts.setPasswordLocally('Ana', 'brand new one');
    expect((await ask('GET', '/me', basic('ana', 'brand new one'))).status).toBe(200);
    expect((await ask('GET', '/me', ana)).status).toBe(401);
    await expect(accounts.setPasswordLocally('bob', 'brand new one')).rejects.toMatchObject({
      code: 'not_found',
    });
    await expect(accounts.setPasswordLocally('ana', 'short')).rejects.toMatchObject({
      code: 'invalid_input',
    });
  });

  it('changed on another server count here after 30 s', async () => {
    expect((await ask('GET', '/me', admin)).status).toBe(200);
    await createTestAccounts().updateUser('admin', { password: 'changed elsewhere' });
    nowMs += 30_000;
    expect((await ask('GET', '/me', admin)).status).toBe(401);
  });
});

describe('users', () => {
  it('are added, changed and removed by an admin, and the audit says so', async () => {
    const made = await ask('POST', '/users', admin, { name: 'Ana', password: 'password of ana' });
    expect(made).toMatchObject({ status: 201, body: { name: 'Ana', displayName: 'Ana', role: 'member' } });
    expect(JSON.stringify(made.body)).not.toContain('scrypt');
    const changed = await ask('PATCH', '/users/ana', admin, { role: 'operator', password: 'another one' });
    expect(changed.body).toMatchObject({ name: 'Ana', role: 'operator' });
    expect((await ask('GET', '/users', admin)).body.items).toHaveLength(2);
    expect((await ask('DELETE', '/users/ANA', admin)).status).toBe(204);
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
    nowMs += hourMs;
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
    const log = createAuditLog(database.db);
    await database.db.query('truncate audit restart identity');
    for (let number = 1; number <= 7; number += 1) {
      const rest = { details: { number }, address: null, requestId: null };
      const actor = number % 2 === 0 ? 'ana' : 'bob';
      await log.record(
        { actor, action: 'jobs.cancel', target: String(number), ...rest },
        new Date(nowMs + number),
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
    accounts = createTestAccounts(away);
    await app.close();
    app = await createApp(away);
    const all = [admin, { authorization: `Bearer dbk_${'x'.repeat(43)}` }, { cookie: 'daybook_session=x' }];
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
