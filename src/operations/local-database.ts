import type { Config } from '../config/config.ts';
import { AppError } from '../contract/errors.ts';
import { silentLogger } from '../lib/logger.ts';
import { createDatabase, type Connection, type Database } from '../adapters/store/database.ts';
import { createEmbeddedPostgres } from '../adapters/store/embedded-postgres/embedded-postgres.ts';
import { readPlace, type Place } from '../adapters/store/embedded-postgres/place.ts';
import { answers, connectionTo, readPidFile } from '../adapters/store/embedded-postgres/postmaster.ts';

/** Where the database of this configuration lies; undefined when none was made yet, or it is a server. */
export function placeOf({ data, worker }: Config): Place | undefined {
  return readPlace({
    dataDirectory: data.directory,
    systemDirectory: '/var/lib/daybook',
    programUser: worker.user,
  });
}

/** A mistaken data directory must not become a new, empty database. @throws AppError `configuration` */
export function refuseMissingDatabase(config: Config): void {
  if (config.database.kind === 'server' || placeOf(config)?.isReady) return;
  throw new AppError(
    'configuration',
    `There is no database in ${config.data.directory}. Set DAYBOOK_DATA to the data directory of the server, or run this in the folder in which the server is started.`,
  );
}

/** For a command on this machine: beside a running server its database, otherwise one started for as long as `work` runs. */
export async function withLocalDatabase<T>(
  config: Config,
  applicationName: string,
  work: (db: Database, connection: Connection) => Promise<T>,
): Promise<T> {
  const { data, worker, database } = config;
  if (database.kind === 'server') return withDatabase(database.connection, applicationName, work);
  const postgres = createEmbeddedPostgres({
    dataDirectory: data.directory,
    logsDirectory: data.logsDirectory,
    logger: silentLogger,
    programUser: worker.user,
  });
  try {
    await postgres.start();
    return await withDatabase(postgres.connection, applicationName, work);
  } finally {
    await postgres.stop();
  }
}

/** The same without starting anything: null when the embedded database does not run. */
export async function findRunningDatabase(config: Config): Promise<Connection | null> {
  if (config.database.kind === 'server') return config.database.connection;
  const place = placeOf(config);
  if (!place?.isReady || readPidFile(place).kind !== 'running' || !(await answers(place))) return null;
  return connectionTo(place);
}

export async function withDatabase<T>(
  connection: Connection,
  applicationName: string,
  work: (db: Database, connection: Connection) => Promise<T>,
): Promise<T> {
  const db = createDatabase({
    connection,
    poolSize: 2,
    applicationName,
    onIdleError: () => {
      // The statement that needs the connection reports it.
    },
  });
  try {
    return await work(db, connection);
  } finally {
    await db.close();
  }
}
