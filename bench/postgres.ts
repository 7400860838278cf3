/** Databases for benches that do without a whole server, and the PostgreSQL they lie in. */
import { randomBytes } from 'node:crypto';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '../src/lib/logger.ts';
import { createDatabase, type Database } from '../src/adapters/store/database.ts';
import { createEmbeddedPostgres } from '../src/adapters/store/embedded-postgres/embedded-postgres.ts';
import type { DatabaseChoice } from './harness.ts';

// The environment of a bench, not of the product.
const serverUrl = process.env['BENCH_DATABASE_URL'] ?? 'postgres://postgres@127.0.0.1:5432/postgres';

export interface MadeDatabase {
  url: string;
  drop(): Promise<void>;
}

/** An empty database on the server. */
export async function createBenchDatabase(): Promise<MadeDatabase> {
  return makeDatabase((database) => withDatabase(serverUrl, database));
}

export interface BenchPostgres {
  version: string;
  createDatabase(): Promise<MadeDatabase>;
  stop(): Promise<void>;
}

/** The embedded PostgreSQL with the settings of the product, or the server as it is. */
export async function startPostgres(choice: DatabaseChoice): Promise<BenchPostgres> {
  if (choice === 'server')
    return { version: await versionOf(serverUrl), createDatabase: createBenchDatabase, stop: async () => {} };
  const folder = mkdtempSync(join(tmpdir(), 'daybook-bench-'));
  chmodSync(folder, 0o755);
  const postgres = createEmbeddedPostgres({
    dataDirectory: folder,
    logsDirectory: join(folder, 'logs'),
    systemDirectory: join(folder, 'system'),
    logger: silentLogger,
  });
  await postgres.start();
  const { host, port, user, database } = postgres.connection;
  const parameters = new URLSearchParams({ host: String(host), port: String(port ?? 5432) });
  const urlOf = (name: string): string => `postgres://${user}@/${name}?${parameters.toString()}`;
  const url = urlOf(String(database));
  return {
    version: await versionOf(url),
    createDatabase: () => makeDatabase(urlOf, url),
    stop: async () => {
      await postgres.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

export function openDatabase(url: string, poolSize = 10): Database {
  return createDatabase({
    connection: { connectionString: url },
    poolSize,
    applicationName: 'bench',
    onIdleError: () => undefined,
  });
}

async function makeDatabase(urlOf: (name: string) => string, adminUrl = serverUrl): Promise<MadeDatabase> {
  const name = `daybook_bench_${randomBytes(4).toString('hex')}`;
  await asAdmin(adminUrl, `create database ${name}`);
  return { url: urlOf(name), drop: () => asAdmin(adminUrl, `drop database ${name} with (force)`) };
}

async function asAdmin(url: string, statement: string): Promise<void> {
  const db = openDatabase(url, 1);
  await db.query(statement);
  await db.close();
}

async function versionOf(url: string): Promise<string> {
  const db = openDatabase(url, 1);
  const [row] = await db.query<{ text: string }>(
    `select 'PostgreSQL ' || current_setting('server_version') || ', fsync ' || current_setting('fsync')
       || ', synchronous_commit ' || current_setting('synchronous_commit') as text`,
  );
  await db.close();
  return row?.text ?? 'PostgreSQL';
}

function withDatabase(url: string, name: string): string {
  const changed = new URL(url);
  changed.pathname = `/${name}`;
  return changed.href;
}
