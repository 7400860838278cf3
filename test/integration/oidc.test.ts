import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createAccounts } from '../../src/domain/accounts/accounts.ts';
import type { Accounts } from '../../src/domain/accounts/ports.ts';
import type { Role } from '../../src/contract/actor.ts';
import type { App } from '../../src/surfaces/http/access.ts';
import { registerRoutes } from '../../src/app/routes.ts';
import { createHttpServer } from '../../src/surfaces/http/server.ts';
import { silentLogger, type Logger } from '../../src/lib/logger.ts';
import { createOidcProvider, type OidcOptions } from '../../src/adapters/oidc/provider.ts';
import { createAccountStore } from '../../src/adapters/store/account-store.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { TestProvider, type TestProviderOptions } from '../support/oidc-provider.ts';
import { createTestProduct } from '../support/product.ts';

const provider = new TestProvider();
let database: TestDatabase;
let accounts: Accounts;
let app: App;

beforeAll(async () => {
  database = await createTestDatabase();
  await provider.start();
});
afterAll(async () => {
  await provider.stop();
  await database.drop();
});

beforeEach(async () => {
  await database.empty();
  provider.people.clear();
  await open();
  await accounts.ensureFirstAdmin('admin password');
});
afterEach(() => app.close());

async function open(change: Partial<OidcOptions> = {}): Promise<void> {
  accounts = createAccounts({ store: createAccountStore(database.db), passwordCost: { N: 16, r: 1, p: 1 } });
  const identityProvider = createOidcProvider({
    issuer: provider.issuer,
    clientId: 'daybook',
    clientSecret: TestProvider.clientSecret,
    clientAuthentication: 'auto',
    scopes: 'openid profile email groups',
    redirectUri: provider.redirectUri,
    homeUri: 'http://127.0.0.1/',
    roleClaim: 'groups',
    roleOfGroup: new Map<string, Role>(),
    defaultRole: 'viewer',
    logger: silentLogger,
    ...change,
  });
  app = await createHttpServer({ accounts, trustProxy: false, publicUrl: null, host: '127.0.0.1' });
  registerRoutes(app, createTestProduct(database.db, { accounts, identityProvider }), null);
}

async function reopen(change: Partial<OidcOptions>): Promise<void> {
  await app.close();
  await open(change);
}

interface Answer {
  status: number;
  location: string;
  code: string | undefined;
  cookies: Map<string, string>;
}

function toHeader(cookies: ReadonlyMap<string, string>): { cookie?: string } {
  return cookies.size === 0
    ? {}
    : { cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; ') };
}

async function get(url: string, cookies: ReadonlyMap<string, string> = new Map()): Promise<Answer> {
  const answer = await app.inject({ method: 'GET', url, headers: toHeader(cookies) });
  return {
    status: answer.statusCode,
    location: answer.headers.location ?? '',
    code: answer.statusCode >= 400 ? answer.json<{ code: string }>().code : undefined,
    cookies: new Map(answer.cookies.map(({ name, value }) => [name, value])),
  };
}

/** Up to the moment when the browser comes back. */
async function goThere(login: string, begin = '/api/v1/oidc/login', cookies?: Map<string, string>) {
  const begun = await get(begin, cookies);
  expect(begun.status).toBe(303);
  const back = await provider.signIn(begun.location, login);
  return { back, cookies: new Map([...(cookies ?? []), ...begun.cookies]) };
}

async function signIn(login: string, begin?: string): Promise<Answer> {
  const { back, cookies } = await goThere(login, begin);
  return get(`${back.pathname}${back.search}`, cookies);
}

async function me({ cookies }: Answer): Promise<{ name: string; role: string; displayName: string }> {
  const answer = await app.inject({ method: 'GET', url: '/api/v1/me', headers: toHeader(cookies) });
  return answer.json<{ user: { name: string; role: string; displayName: string } }>().user;
}

describe('signing in at an identity provider', () => {
  it('makes a user with the default role at the first login, and finds it at the next', async () => {
    provider.people.set('sub-1', { name: 'Ana Pérez', preferred_username: 'ana.pérez@example.com' });
    const first = await signIn('sub-1', '/api/v1/oidc/login?return=/jobs?state=failed');
    expect(first).toMatchObject({ status: 303, location: '/jobs?state=failed' });
    expect(await me(first)).toMatchObject({ name: 'ana.perez', role: 'viewer', displayName: 'Ana Pérez' });
    expect(await me(await signIn('sub-1'))).toMatchObject({ name: 'ana.perez' });
    expect(await accounts.listUsers()).toHaveLength(2);
  });

  it('never opens an account that is there, whatever name or verified address the provider gives', async () => {
    provider.people.set('sub-2', {
      preferred_username: 'admin',
      email: 'admin@example.com',
      email_verified: true,
    });
    expect(await me(await signIn('sub-2'))).toMatchObject({ name: 'admin-2', role: 'viewer' });
  });

  it('links the account of whoever is signed in, and of nobody else', async () => {
    await accounts.createUser({ name: 'bo', role: 'operator', password: 'password of bo' });
    const login = await app.inject({
      method: 'POST',
      url: '/api/v1/sessions',
      payload: { name: 'bo', password: 'password of bo' },
    });
    const session = new Map(login.cookies.map(({ name, value }) => [name, value]));
    const { back, cookies } = await goThere('sub-3', '/api/v1/oidc/link', session);
    const stolen = new Map([...cookies].filter(([name]) => !name.startsWith('daybook_session')));
    expect((await get(`${back.pathname}${back.search}`, stolen)).status).toBe(401);
    const again = await goThere('sub-3', '/api/v1/oidc/link', session);
    expect((await get(`${again.back.pathname}${again.back.search}`, again.cookies)).status).toBe(303);
    expect(await me(await signIn('sub-3'))).toMatchObject({ name: 'bo', role: 'operator' });
    expect((await get('/api/v1/oidc/link')).status).toBe(401);
  });

  it('gives the role of the highest group at every login, and leaves the last admin one', async () => {
    const roleOfGroup = new Map<string, Role>([
      ['ops', 'operator'],
      ['staff', 'member'],
    ]);
    await reopen({ roleOfGroup, defaultRole: null });
    provider.people.set('sub-4', { preferred_username: 'cy', groups: ['staff', 'ops', 'other'] });
    expect(await me(await signIn('sub-4'))).toMatchObject({ role: 'operator' });
    provider.people.set('sub-4', { preferred_username: 'renamed', groups: ['staff'] });
    expect(await me(await signIn('sub-4'))).toMatchObject({ name: 'cy', role: 'member' });
    provider.people.set('sub-4', { groups: [] });
    expect(await signIn('sub-4')).toMatchObject({ status: 403, code: 'forbidden' });
    await accounts.updateUser('cy', { role: 'admin' });
    await accounts.updateUser('admin', { role: 'member' });
    provider.people.set('sub-4', { groups: ['staff'] });
    expect(await me(await signIn('sub-4'))).toMatchObject({ role: 'admin' });
  });

  it('refuses a disabled user, and its sessions have ended', async () => {
    const before = await signIn('sub-5');
    const { name } = await me(before);
    await accounts.updateUser(name, { disabled: true });
    expect(await signIn('sub-5')).toMatchObject({ status: 403, code: 'forbidden' });
  });

  it('refuses a wrong state, a wrong nonce, another verifier, a code that expired or was used, another browser', async () => {
    const tamper = async (
      change: (login: { nonce: string; verifier: string }, back: URL) => void | Promise<void>,
    ) => {
      const { back, cookies } = await goThere('sub-6');
      const [[name, value] = ['', '']] = cookies;
      const login = JSON.parse(Buffer.from(value, 'base64url').toString()) as {
        nonce: string;
        verifier: string;
      };
      await change(login, back);
      cookies.set(name, Buffer.from(JSON.stringify(login)).toString('base64url'));
      return get(`${back.pathname}${back.search}`, cookies);
    };
    const refused = { status: 401, code: 'not_authenticated' };
    expect(await tamper((_login, back) => back.searchParams.set('state', 'wrong'))).toMatchObject(refused);
    expect(await tamper((login) => void (login.nonce = 'wrong'))).toMatchObject(refused);
    expect(await tamper((login) => void (login.verifier = 'x'.repeat(43)))).toMatchObject(refused);
    expect(
      await tamper((_login, back) => provider.expire(back.searchParams.get('code') ?? '')),
    ).toMatchObject(refused);
    const { back, cookies } = await goThere('sub-6');
    expect(await get(`${back.pathname}${back.search}`)).toMatchObject(refused);
    const url = `${back.pathname}${back.search}`;
    expect((await get(url, cookies)).status).toBe(303);
    expect(await get(url, cookies)).toMatchObject(refused);
    expect(await get('/api/v1/oidc/callback?error=access_denied&state=x', cookies)).toMatchObject(refused);
    expect(await accounts.listUsers()).toHaveLength(2);
  });

  it.each(['//evil.example', '/\\evil.example', 'https://evil.example', 'jobs', '/a\nb'])(
    'never returns to %j',
    async (target) => {
      expect((await get(`/api/v1/oidc/login?return=${encodeURIComponent(target)}`)).status).toBe(400);
    },
  );

  it('a provider that is down stops neither the start nor passwords, and is asked again', async () => {
    const { back, cookies } = await goThere('sub-7');
    await provider.stop();
    try {
      expect(await get(`${back.pathname}${back.search}`, cookies)).toMatchObject({
        status: 503,
        code: 'provider_unavailable',
      });
      await reopen({});
      expect(await get('/api/v1/oidc/login')).toMatchObject({ status: 503, code: 'provider_unavailable' });
      const payload = { name: 'admin', password: 'admin password' };
      expect((await app.inject({ method: 'POST', url: '/api/v1/sessions', payload })).statusCode).toBe(201);
    } finally {
      await provider.start();
    }
    expect((await signIn('sub-7')).status).toBe(303);
  });

  it('signs out here and says where to sign out there', async () => {
    const { cookies } = await signIn('sub-8');
    const headers = toHeader(cookies);
    const answer = await app.inject({ method: 'POST', url: '/api/v1/oidc/logout', headers });
    expect(answer.json<{ url: string }>().url).toContain(`${provider.issuer}/session/end`);
    expect((await app.inject({ method: 'GET', url: '/api/v1/me', headers })).statusCode).toBe(401);
  });

  it('a user without a password cannot be signed in to with one', async () => {
    provider.people.set('sub-9', { preferred_username: 'dee' });
    await signIn('sub-9');
    for (const password of ['', 'null', 'dee']) {
      const answer = await app.inject({
        method: 'POST',
        url: '/api/v1/sessions',
        payload: { name: 'dee', password },
      });
      expect([400, 401]).toContain(answer.statusCode);
    }
  });

  it('shows what is linked, to the person and to admins, and unlinks all but the last way in', async () => {
    const headers = (answer: Answer) => toHeader(answer.cookies);
    const call = (
      method: 'GET' | 'DELETE',
      url: string,
      given: { cookie?: string; authorization?: string },
    ) => app.inject({ method, url: `/api/v1${url}`, headers: given });
    provider.people.set('sub-11', { preferred_username: 'eve' });
    const eve = headers(await signIn('sub-11'));
    const { items } = (await call('GET', '/me/identities', eve)).json<{ items: { id: string }[] }>();
    expect(items).toMatchObject([{ issuer: provider.issuer, subject: 'sub-11' }]);
    const only = `/me/identities/${items[0]?.id}`;
    expect((await call('DELETE', only, eve)).json()).toMatchObject({ code: 'conflict' });
    expect(await me(await signIn('sub-11'))).toMatchObject({ name: 'eve' });

    provider.people.set('sub-12', { preferred_username: 'mallory' });
    const mallory = headers(await signIn('sub-12'));
    expect((await call('DELETE', only, mallory)).statusCode).toBe(404);
    const admin = { authorization: `Basic ${Buffer.from('admin:admin password').toString('base64')}` };
    const users = (await call('GET', '/users', admin)).json<{ items: { name: string }[] }>().items;
    expect(users.find(({ name }) => name === 'eve')).toMatchObject({
      hasPassword: false,
      identities: [{ subject: 'sub-11' }],
    });
    expect(users.find(({ name }) => name === 'admin')).toMatchObject({ hasPassword: true, identities: [] });

    await accounts.updateUser('eve', { password: 'password of eve' });
    const login = await app.inject({
      method: 'POST',
      url: '/api/v1/sessions',
      payload: { name: 'eve', password: 'password of eve' },
    });
    const again = { cookie: `${login.cookies[0]?.name}=${login.cookies[0]?.value}` };
    expect((await call('DELETE', only, again)).statusCode).toBe(204);
    expect((await call('GET', '/me/identities', again)).json()).toEqual({ items: [] });
    expect(await me(await signIn('sub-11'))).toMatchObject({ name: 'eve-2' });
    const audit = (await call('GET', '/audit?action=users.unlink-identity', admin)).json();
    expect(audit.items).toMatchObject([{ actor: 'eve', details: { subject: 'sub-11' } }]);
  });

  it('of two links without a password, two removals at once leave one', async () => {
    provider.people.set('sub-13', { preferred_username: 'flo' });
    const first = await signIn('sub-13');
    const second = await goThere('sub-14', '/api/v1/oidc/link', first.cookies);
    await get(`${second.back.pathname}${second.back.search}`, second.cookies);
    const { id } = await accounts.findUser('flo');
    const linked = await accounts.listIdentities(id);
    expect(linked).toHaveLength(2);
    const removals = await Promise.allSettled(linked.map((one) => accounts.unlinkIdentity(id, one.id)));
    expect(removals.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
    expect(await accounts.listIdentities(id)).toHaveLength(1);
  });

  it('two first logins of one person at once make one user', async () => {
    const both = await Promise.all([goThere('sub-10'), goThere('sub-10')]);
    const answers = await Promise.all(
      both.map(({ back, cookies }) => get(`${back.pathname}${back.search}`, cookies)),
    );
    expect(answers.map(({ status }) => status)).toEqual([303, 303]);
    expect(await accounts.listUsers()).toHaveLength(2);
  });

  it('two logins of one browser go on beside each other, and each is used up by itself', async () => {
    const first = await goThere('sub-20');
    const second = await goThere('sub-20', '/api/v1/oidc/login?return=/queues', first.cookies);
    const firstUrl = `${first.back.pathname}${first.back.search}`;
    const ended = await get(firstUrl, second.cookies);
    expect(ended).toMatchObject({ status: 303, location: '/' });
    const left = new Map([...second.cookies].filter(([name]) => ended.cookies.get(name) !== ''));
    expect(await get(firstUrl, left)).toMatchObject({ status: 401 });
    expect(await get(`${second.back.pathname}${second.back.search}`, left)).toMatchObject({
      status: 303,
      location: '/queues',
    });
  });

  it('logins that were begun and left do not pile up in the browser', async () => {
    let cookies = new Map<string, string>();
    for (let time = 0; time < 30; time += 1) {
      const answer = await get('/api/v1/oidc/login', cookies);
      expect(answer.status).toBe(303);
      cookies = new Map([...cookies, ...answer.cookies].filter(([name]) => answer.cookies.get(name) !== ''));
    }
    expect(cookies.size).toBeLessThan(12);
  });

  it('tells a browser in a page what went wrong, with a way on, and programs in JSON', async () => {
    const begun = await get('/api/v1/oidc/login');
    const state = new URL(begun.location).searchParams.get('state');
    const look = async (url: string, cookies = begun.cookies) => {
      const headers = { ...toHeader(cookies), accept: 'text/html,application/xhtml+xml,*/*;q=0.8' };
      const answer = await app.inject({ method: 'GET', url, headers });
      expect(answer.headers['content-type']).toBe('text/html; charset=utf-8');
      expect(answer.body).toContain('<a href="/">');
      return { status: answer.statusCode, body: answer.body };
    };
    const denied = `/api/v1/oidc/callback?error=access_denied&error_description=%3Cb%3Eno&state=${state}&iss=${provider.issuer}`;
    const cancelled = await look(denied);
    expect(cancelled).toMatchObject({ status: 401, body: expect.stringContaining('cancelled') });
    expect(cancelled.body).not.toContain('<b>');
    expect(await look('/api/v1/oidc/callback?code=x&state=y', new Map())).toMatchObject({ status: 401 });
    expect(await look('/api/v1/oidc/link', new Map())).toMatchObject({ status: 401 });
    expect(await get(denied, begun.cookies)).toMatchObject({ status: 401, code: 'not_authenticated' });
    await provider.stop();
    try {
      await reopen({});
      expect(await look('/api/v1/oidc/login', new Map())).toMatchObject({ status: 503 });
    } finally {
      await provider.start();
    }
  });
});

describe('showing the secret of the client', () => {
  const post = 'client_secret_post';
  const basic = 'client_secret_basic';
  let other: TestProvider;
  let logged: object[];
  const logger: Logger = { ...silentLogger, warn: (fields) => void logged.push(fields) };

  async function signInAt(
    options: TestProviderOptions,
    change: Partial<OidcOptions> = {},
  ): Promise<{ status: number; message: string | undefined }> {
    logged = [];
    other = new TestProvider(options);
    await other.start();
    try {
      await reopen({ issuer: other.issuer, logger, ...change });
      const begun = await get('/api/v1/oidc/login');
      const back = await other.signIn(begun.location, 'sub-1');
      const url = `${back.pathname}${back.search}`;
      const answer = await app.inject({ method: 'GET', url, headers: toHeader(begun.cookies) });
      return {
        status: answer.statusCode,
        message: answer.statusCode === 303 ? undefined : answer.json<{ message: string }>().message,
      };
    } finally {
      await other.stop();
    }
  }

  it.each<[string, TestProviderOptions, OidcOptions['clientAuthentication'], string]>([
    ['by Basic where the metadata say so', { supported: [basic] }, 'auto', basic],
    ['by Basic where the metadata say nothing', { supported: null }, 'auto', basic],
    ['by Basic where both are offered', { supported: [post, basic] }, 'auto', basic],
    ['in the form where only that is offered', { clientAuthentication: post }, 'auto', post],
    ['in the form where that was set', { supported: [post, basic] }, post, post],
    ['by Basic where that was set', { supported: [post], clientAuthentication: post }, basic, basic],
  ])('%s', async (_how, options, clientAuthentication, shown) => {
    expect(await signInAt(options, { clientAuthentication })).toEqual({ status: 303, message: undefined });
    expect(other.shown).toEqual([shown]);
    expect(logged).toEqual([]);
  });

  it.each([basic, post] as const)(
    'a secret that is not taken (%s) is said, and the log has the words of the provider',
    async (clientAuthentication) => {
      const answer = await signInAt({ clientAuthentication }, { clientSecret: 'another' });
      expect(answer).toMatchObject({ status: 401, message: expect.stringContaining('invalid_client') });
      expect(answer.message).not.toContain('cancelled');
      expect(logged).toMatchObject([
        { error: 'invalid_client', error_description: 'client authentication failed' },
      ]);
    },
  );
});
