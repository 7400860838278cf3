import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { silentLogger } from '../../src/lib/logger.ts';
import { createDatabase } from '../../src/adapters/store/database.ts';
import { createEmbeddedPostgres } from '../../src/adapters/store/embedded-postgres/embedded-postgres.ts';
import { migrate } from '../../src/adapters/store/migrate.ts';
import { addAdmin } from './admin.ts';

/** How test/global-setup.ts tells the rest of the run where it is. */
const preparedName = 'DAYBOOK_TEST_PREPARED_DATA';

/**
 * Makes a data directory with a complete, migrated database and an admin, once for the run. Making one takes two
 * seconds, which dozens of test servers need not spend each; what a first start does has tests of its own.
 */
export async function prepareData(folder: string): Promise<void> {
  const embedded = createEmbeddedPostgres({
    dataDirectory: folder,
    logsDirectory: join(folder, 'logs'),
    systemDirectory: join(folder, 'system'),
    logger: silentLogger,
  });
  await embedded.start();
  const db = createDatabase({
    connection: embedded.connection,
    poolSize: 1,
    applicationName: 'daybook-test',
    onIdleError: () => {},
  });
  await migrate(db);
  await addAdmin(db);
  await db.close();
  await embedded.stop();
  // Elsewhere where its account cannot enter the temporary directory; then every server makes its own.
  if (existsSync(join(folder, 'database', 'cluster'))) process.env[preparedName] = folder;
}

/** Gives a data directory that has no database yet a copy of the prepared one. Outside of a test run: nothing. */
export function copyPreparedData(dataDirectory: string): void {
  const prepared = process.env[preparedName];
  if (prepared === undefined || existsSync(join(dataDirectory, 'database.json'))) return;
  mkdirSync(dataDirectory, { recursive: true });
  // Unlike Node's, it keeps owners and modes, which PostgreSQL insists on.
  execFileSync('cp', ['-a', join(prepared, 'database'), dataDirectory]);
  const record = { id: randomBytes(8).toString('hex'), directory: 'database', state: 'ready' };
  writeFileSync(join(dataDirectory, 'database.json'), JSON.stringify(record), { mode: 0o600 });
}
