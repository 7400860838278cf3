import { beforeEach, describe, expect, it, vi } from 'vitest';
import {
  accounts,
  addUser,
  admin,
  advance,
  app,
  ask,
  basic,
  createTestAccounts,
  database,
  minuteMs,
  replaceApp,
  signIn,
  useAccounts,
} from '../support/accounts.ts';

useAccounts();

describe('the first start', () => {
  beforeEach(async () => {
    await database.empty();
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

  it('waits for one that is under way elsewhere, and then makes none', async () => {
    let late: Promise<unknown> = Promise.resolve();
    await database.db.transaction(async (tx) => {
      await tx.query(
        "insert into users (name, display_name, role, password_hash) values ('Admin', 'A', 'admin', 'x')",
      );
      late = accounts.ensureFirstAdmin(null);
      await vi.waitFor(async () => {
        const waiting = await database.db.query(
          "select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
        );
        expect(waiting).toHaveLength(1);
      });
    });
    expect(await late).toBeNull();
    expect(await accounts.listUsers()).toHaveLength(1);
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
    expect(cookie).toMatch(/^daybook_session_80=[\w-]{43}; .*Path=\/; .*HttpOnly; SameSite=Lax/);
    expect(cookie).not.toContain('Secure');
    const secret = /=([\w-]{43})/.exec(cookie)?.[1] ?? '';
    expect(answer.body).toMatchObject({ user: { name: 'admin' }, session: { current: true } });
    expect(JSON.stringify(answer.body)).not.toContain(secret);
    const rows = await database.db.query<{ row: string }>('select sessions::text as row from sessions');
    expect(rows[0]?.row).not.toContain(secret);
  });

  it('of several ports of one host do not end each other, since cookies know no ports', async () => {
    const jar = new Map<string, string>();
    const call = async (method: 'GET' | 'POST' | 'DELETE', host: string, url: string, payload?: object) => {
      const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ');
      const answer = await app.inject({
        method,
        url: `/api/v1${url}`,
        headers: { host, cookie },
        ...(payload ? { payload } : {}),
      });
      for (const { name, value } of answer.cookies) jar.set(name, value);
      return answer;
    };
    const hosts = ['localhost', 'localhost:8000', 'localhost:8001', '[::1]:8000'];
    for (const host of hosts) {
      const login = { name: 'admin', password: 'admin password' };
      expect((await call('POST', host, '/sessions', login)).statusCode).toBe(201);
    }
    const current = async (host: string): Promise<number | undefined> => {
      const answer = await call('GET', host, '/sessions');
      if (answer.statusCode !== 200) return undefined;
      return answer.json<{ items: { id: number; current: boolean }[] }>().items.find((one) => one.current)
        ?.id;
    };
    expect(await Promise.all(hosts.map(current))).toEqual([1, 4, 3, 4]);
    expect((await call('DELETE', 'localhost:8001', '/sessions/current')).statusCode).toBe(204);
    expect(await Promise.all(hosts.map(current))).toEqual([1, 4, undefined, 4]);
  });

  it('have a Secure cookie when the public address is https', async () => {
    await replaceApp(database.db, new URL('https://jobs.example'));
    const answer = await ask('POST', '/sessions', {}, { name: 'admin', password: 'admin password' });
    expect(String(answer.headers['set-cookie'])).toContain('Secure');
  });

  it('end when nobody used them for a while, and stay alive while somebody does', async () => {
    const used = await signIn('admin', 'admin password');
    const unused = await signIn('admin', 'admin password');
    advance(45 * minuteMs);
    expect((await ask('GET', '/me', used)).status).toBe(200);
    advance(45 * minuteMs);
    expect((await ask('GET', '/me', used)).status).toBe(200);
    expect(await ask('GET', '/me', unused)).toMatchObject({
      status: 401,
      body: { code: 'not_authenticated' },
    });
  });

  it('end in the end, however much they are used', async () => {
    const session = await signIn('admin', 'admin password');
    for (let time = 0; time < 5; time += 1) {
      advance(30 * minuteMs);
      expect((await ask('GET', '/me', session)).status).toBe(200);
    }
    advance(30 * minuteMs);
    expect((await ask('GET', '/me', session)).status).toBe(401);
  });

  it('end by signing out, and leave the others alone', async () => {
    const [one, other] = [await signIn('admin', 'admin password'), await signIn('admin', 'admin password')];
    const out = await ask('DELETE', '/sessions/current', one);
    expect(out.status).toBe(204);
    expect(String(out.headers['set-cookie'])).toContain('daybook_session_80=;');
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
    advance(1_000);
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
    advance(30_000);
    expect((await ask('GET', '/me', admin)).status).toBe(401);
  });
});
