import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest';
import { createAccounts } from '../../src/domain/accounts/accounts.ts';
import type { Accounts } from '../../src/domain/accounts/ports.ts';
import type { Role } from '../../src/contract/actor.ts';
import type { App } from '../../src/surfaces/http/access.ts';
import { registerRoutes } from '../../src/app/routes.ts';
import { createHttpServer } from '../../src/surfaces/http/server.ts';
import { createAccountStore } from '../../src/adapters/store/account-store.ts';
import type { Database } from '../../src/adapters/store/database.ts';
import { createTestDatabase, type TestDatabase } from './database.ts';
import { createTestProduct } from './product.ts';

export const minuteMs = 60_000;
export const hourMs = 60 * minuteMs;
const passwordCost = { N: 16, r: 1, p: 1 };

export let database: TestDatabase;
export let app: App;
export let accounts: Accounts;
let nowMs = 0;
let folder = '';

export const clock = { now: () => new Date(nowMs), monotonicMs: () => nowMs };

/** Another server on the same database. */
export function createTestAccounts(db: Database = database.db): Accounts {
  return createAccounts({
    store: createAccountStore(db),
    clock,
    passwordCost,
    sessionIdleMs: hourMs,
    sessionMaxMs: 3 * hourMs,
  });
}

async function createApp(db: Database = database.db, publicUrl: URL | null = null): Promise<App> {
  const created = await createHttpServer({ accounts, trustProxy: true, publicUrl, host: '127.0.0.1' });
  const env = {
    WORKER_SCRIPT_PATH: join(folder, 'scripts'),
    WORKER_DIRECTORY_PATH: join(folder, 'home'),
    ...(publicUrl ? { DAYBOOK_PUBLIC_URL: publicUrl.href } : {}),
  };
  registerRoutes(created, createTestProduct(db, { env, clock, accounts }), null);
  return created;
}

/** For the whole file: a database of its own; for each test: nothing in it but one admin, and the same hour. */
export function useAccounts(): void {
  beforeAll(async () => {
    database = await createTestDatabase();
  });

  afterAll(() => database.drop());

  beforeEach(async () => {
    nowMs = Date.parse('2026-03-01T12:00:00Z');
    await database.empty();
    folder = mkdtempSync(join(tmpdir(), 'daybook-api-'));
    for (const name of ['scripts', 'home']) mkdirSync(join(folder, name));
    accounts = createTestAccounts();
    app = await createApp();
    await accounts.ensureFirstAdmin('admin password');
  });

  afterEach(async () => {
    await app.close();
    rmSync(folder, { recursive: true });
  });
}

export function advance(ms: number): void {
  nowMs += ms;
}

export async function replaceApp(db: Database, publicUrl: URL | null = null): Promise<void> {
  await app.close();
  accounts = createTestAccounts(db);
  app = await createApp(db, publicUrl);
}

export type Headers = Record<string, string>;

export const admin = basic('admin', 'admin password');

export function basic(name: string, password: string): Headers {
  return { authorization: `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}` };
}

export async function ask(
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

export async function addUser(name: string, role: Role = 'member'): Promise<Headers> {
  const password = `password of ${name}`;
  await accounts.createUser({ name, role, password });
  return basic(name, password);
}

export async function signIn(name: string, password: string, address = '10.0.0.1'): Promise<Headers> {
  const answer = await ask('POST', '/sessions', { 'x-forwarded-for': address }, { name, password });
  expect(answer.status).toBe(201);
  return { cookie: String(answer.headers['set-cookie']).split(';')[0] ?? '' };
}
