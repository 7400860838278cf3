import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { createDatabase, type Database } from '../../src/adapters/store/database.ts';
import { migrate } from '../../src/adapters/store/migrate.ts';
import { addAdmin } from './admin.ts';

export interface TestDatabase {
  db: Database;
  /** For programs and other processes that open the same database; may name a socket: `postgres:///db?host=/…`. */
  url: string;
  /** Makes it as it was when it was new; what a test added to the schema stays. */
  empty(): Promise<void>;
  drop(): Promise<void>;
}

/** How test/global-setup.ts tells the rest of the run what it found. */
export const embeddedUrlName = 'DAYBOOK_TEST_EMBEDDED_URL';
export const serverUrlName = 'DAYBOOK_TEST_SERVER_URL';
const templateName = 'DAYBOOK_TEST_TEMPLATE';
export const defaultServerUrl = 'postgres://postgres@127.0.0.1:5432/postgres';

export interface DatabaseBackend {
  name: string;
  /** Of the server, to be given to `createTestDatabase`; undefined when there is none. */
  url: string | undefined;
  /** What `alter database … set` says of each database that is made there. */
  settings?: Readonly<Record<string, string>>;
}

/** Allowed, not rare, and not what a program expects of a database. */
export const awkwardSettings = {
  dates: { datestyle: 'SQL, DMY' },
  'dates in German': { datestyle: 'German' },
  'a time zone': { timezone: 'America/New_York' },
  'an isolation': { default_transaction_isolation: 'serializable' },
  haste: { statement_timeout: '3s', lock_timeout: '50ms' },
  'short idleness': { idle_session_timeout: '3s' },
  'bytes and texts': { bytea_output: 'escape', standard_conforming_strings: 'off' },
} as const satisfies Record<string, Record<string, string>>;

export const databaseBackends: readonly DatabaseBackend[] = [
  { name: 'embedded', url: process.env[embeddedUrlName] },
  { name: 'server', url: process.env[serverUrlName] },
  {
    name: 'server with settings of its own',
    url: process.env[serverUrlName],
    settings: Object.assign({}, ...Object.values(awkwardSettings), { datestyle: 'SQL, DMY' }),
  },
];

/** A fresh, migrated database of its own on the server that the test run uses: the embedded one unless told. */
export async function createTestDatabase(
  serverUrl = process.env[embeddedUrlName] ?? process.env['DAYBOOK_TEST_DATABASE_URL'] ?? defaultServerUrl,
  settings: DatabaseBackend['settings'] = {},
): Promise<TestDatabase> {
  return create(serverUrl, { options: `template ${process.env[templateName]}`, settings });
}

export function hasDatabaseOfRun(): boolean {
  return process.env[embeddedUrlName] !== undefined;
}

/** For a server of a test, on the PostgreSQL of the run: with an admin, and nothing else. */
export async function createServerDatabase(): Promise<TestDatabase> {
  const database = await createTestDatabase();
  await addAdmin(database.db);
  return database;
}

/** The same without a schema. @param options of `create database` */
export async function createEmptyDatabase(
  serverUrl: string,
  options: { options?: string; settings?: DatabaseBackend['settings'] } = {},
): Promise<TestDatabase> {
  return create(serverUrl, options);
}

/** Makes the migrated database that those of tests are copies of: faster than to migrate each of them. */
export async function createTemplate(serverUrl: string): Promise<void> {
  const name = (process.env[templateName] ??= `daybook_test_${randomBytes(6).toString('hex')}`);
  await admin(serverUrl, `create database ${name}`);
  const db = connect(withDatabase(serverUrl, name));
  await migrate(db);
  await db.close();
}

/** Drops what this run made on a server: the template, and what tests should have dropped; resolves with the latter. */
export async function dropAll(serverUrl: string): Promise<string[]> {
  const template = process.env[templateName] ?? '';
  const found = await admin<{ datname: string }>(
    serverUrl,
    `select datname from pg_database where starts_with(datname, '${template}')`,
  );
  const names = found.map(({ datname }) => datname);
  for (const name of names) await admin(serverUrl, `drop database ${name} with (force)`);
  return names.filter((name) => name !== template);
}

/** Takes effect at the next start. */
export async function tuneForTests(serverUrl: string): Promise<void> {
  // Only a crash of the machine could tell the difference, and it would take the tests along.
  await admin(serverUrl, 'alter system set fsync = off');
  // Each server of a test has a pool, and so has the test.
  await admin(serverUrl, 'alter system set max_connections = 300');
}

async function create(
  serverUrl: string,
  { options = '', settings = {} }: { options?: string; settings?: DatabaseBackend['settings'] },
): Promise<TestDatabase> {
  const name = `${process.env[templateName] ?? 'daybook_test'}_${randomBytes(6).toString('hex')}`;
  await admin(serverUrl, `create database ${name} ${options}`);
  // A server that is there for others, too, keeps its own settings: with it each commit would wait for the disk.
  await admin(serverUrl, `alter database ${name} set synchronous_commit = off`);
  for (const [setting, value] of Object.entries(settings)) {
    // DateStyle is a list, and a quoted list would be one word.
    const list = value.split(', ').map((word) => `'${word}'`);
    await admin(serverUrl, `alter database ${name} set ${setting} = ${list.join(', ')}`);
  }
  const url = withDatabase(serverUrl, name);
  const db = connect(url);
  return {
    db,
    url,
    empty: async () => {
      await db.query(emptyTables);
    },
    drop: async () => {
      await db.close();
      await admin(serverUrl, `drop database if exists ${name} with (force)`);
    },
  };
}

/**
 * `truncate` writes new files for every table and every index: some 25 ms, and more than half a second where each of them
 * goes to the disk. No trigger is asked, as all is gone in the end; whoever still writes is waited for.
 */
const emptyTables = `do $$
declare
  each_table regclass;
  each_sequence regclass;
begin
  set local session_replication_role = replica;
  for each_table in select oid from pg_class
    where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') and not relispartition
      and relname <> 'schema_migrations'
  loop
    execute format('lock table %s in exclusive mode; delete from %1$s', each_table);
  end loop;
  for each_sequence in select oid from pg_class where relnamespace = 'public'::regnamespace and relkind = 'S' loop
    perform setval(each_sequence, 1, false);
  end loop;
  insert into queues (name) values ('default');
end $$`;

export function connect(url: string): Database {
  return createDatabase({
    connection: { connectionString: url },
    poolSize: 8,
    applicationName: 'daybook-test',
    onIdleError: () => {},
  });
}

/** The address form of a connection over a Unix socket. */
export function socketUrl(connection: pg.PoolConfig): string {
  const query = new URLSearchParams({
    host: connection.host ?? '',
    user: connection.user ?? '',
    port: String(connection.port ?? 5432),
  });
  return `postgres:///${connection.database ?? 'postgres'}?${query.toString()}`;
}

function withDatabase(serverUrl: string, name: string): string {
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  return url.href;
}

async function admin<Row extends pg.QueryResultRow>(serverUrl: string, statement: string): Promise<Row[]> {
  const client = new pg.Client({ connectionString: serverUrl });
  await client.connect();
  try {
    return (await client.query<Row>(statement)).rows;
  } finally {
    await client.end();
  }
}
