import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { createDatabase, type Database } from '../../src/store/database.ts';
import { migrate } from '../../src/store/migrate.ts';

export interface TestDatabase {
  db: Database;
  /** For programs and other processes that open the same database. */
  url: string;
  drop(): Promise<void>;
}

/** A fresh, migrated database of its own on the server that the test run uses. */
export async function createTestDatabase(
  serverUrl = process.env['DAYBOOK_TEST_DATABASE_URL'] ?? 'postgres://postgres@127.0.0.1:5432/postgres',
): Promise<TestDatabase> {
  const name = `daybook_test_${randomBytes(6).toString('hex')}`;
  await admin(serverUrl, `create database ${name}`);
  const url = withDatabase(serverUrl, name);
  const db = createDatabase({
    connection: { connectionString: url },
    poolSize: 8,
    applicationName: 'daybook-test',
    onIdleError: () => {},
  });
  await migrate(db);
  return {
    db,
    url,
    drop: async () => {
      await db.close();
      await admin(serverUrl, `drop database if exists ${name} with (force)`);
    },
  };
}

function withDatabase(serverUrl: string, name: string): string {
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  return url.href;
}

async function admin(serverUrl: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: serverUrl });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
