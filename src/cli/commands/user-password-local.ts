import { createAccounts } from '../../accounts/accounts.ts';
import type { Config } from '../../config/config.ts';
import { readConfig } from '../../config/read-config.ts';
import { AppError } from '../../contract/errors.ts';
import { silentLogger } from '../../lib/logger.ts';
import { createAccountStore } from '../../store/accounts.ts';
import { createDatabase, type Database, type DatabaseOptions } from '../../store/database.ts';
import { createEmbeddedPostgres } from '../../store/embedded-postgres/embedded-postgres.ts';
import { readPlace } from '../../store/embedded-postgres/place.ts';
import type { CliContext } from '../context.ts';
import { print, say } from '../output.ts';
import { readNewPassword } from '../password.ts';

/** Sets a password past the server, for whoever may read the data directory. Also lets a disabled user in again. */
export async function setPasswordLocally(context: CliContext, name: string): Promise<void> {
  const config = readConfig(context.env);
  refuseMissingDatabase(config);
  const password = await readNewPassword(context, name);
  await withLocalDatabase(context, config, async (db, where) => {
    await createAccounts({ store: createAccountStore(db) }).setPasswordLocally(name, password);
    await print(
      context,
      `The password of ${name} is changed in ${where}; all sessions of ${name} have ended, tokens stay. A running server takes it at once, and forgets the old one within 30 s.`,
    );
  });
}

/** A mistaken data directory must not become a new, empty database. */
function refuseMissingDatabase({ database, data, worker }: Config): void {
  if (database.kind === 'server') return;
  const place = readPlace({
    dataDirectory: data.directory,
    systemDirectory: '/var/lib/daybook',
    programUser: worker.user,
  });
  if (place?.isReady) return;
  throw new AppError(
    'configuration',
    `There is no database in ${data.directory}. Set DAYBOOK_DATA to the data directory of the server, or run this in the folder in which the server is started.`,
  );
}

async function withLocalDatabase(
  context: CliContext,
  config: Config,
  work: (db: Database, where: string) => Promise<void>,
): Promise<void> {
  const { data, worker } = config;
  if (config.database.kind === 'server') {
    await withDatabase(config.database.connection, (db) =>
      work(db, 'the database server of the configuration'),
    );
    return;
  }
  // Uses the database of a running server, or starts it and stops it again.
  const postgres = createEmbeddedPostgres({
    dataDirectory: data.directory,
    logsDirectory: data.logsDirectory,
    logger: silentLogger,
    programUser: worker.user,
  });
  await say(context, `Opening the database in ${data.directory}…`);
  try {
    await postgres.start();
    await withDatabase(postgres.connection, (db) => work(db, `the database in ${data.directory}`));
  } finally {
    await postgres.stop();
  }
}

async function withDatabase(
  connection: DatabaseOptions['connection'],
  work: (db: Database) => Promise<void>,
): Promise<void> {
  const db = createDatabase({
    connection,
    poolSize: 2,
    applicationName: 'daybook user',
    onIdleError: () => {
      // The statement that needs the connection reports it.
    },
  });
  try {
    await work(db);
  } finally {
    await db.close();
  }
}
