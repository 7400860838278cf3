import type { Config } from '../config/config.ts';
import type { Service } from '../lib/service.ts';
import { createDatabase, type Connection, type Database } from '../adapters/store/database.ts';
import { noLimits } from '../adapters/store/connection.ts';
import { refuseTransactionPooler } from '../adapters/store/pooler.ts';
import { untilReachable } from '../adapters/store/reachable.ts';
import { createEmbeddedPostgres } from '../adapters/store/embedded-postgres/embedded-postgres.ts';
import type { Metrics } from '../domain/metrics/ports.ts';
import type { Logger } from '../lib/logger.ts';
import type { ProgramAccount } from '../machine/program-account.ts';

export interface DatabaseAccess {
  services: Service[];
  connection(): Connection;
  /** Resolves when the server answers, however long that takes. @throws AppError `configuration` when it never will */
  untilReachable(onWait: (reason: string) => void): Promise<void>;
  open(): Database;
  /** Without limits of time. */
  openForMaintenance(): Database;
}

/** The embedded PostgreSQL or a server, and how to connect to it once it is there. */
export async function openDatabase(
  config: Config,
  { logger, account, metrics }: { logger: Logger; account: ProgramAccount; metrics: Metrics },
): Promise<DatabaseAccess> {
  const { database, data } = config;
  const embedded =
    database.kind === 'embedded'
      ? createEmbeddedPostgres({
          dataDirectory: data.directory,
          logsDirectory: data.logsDirectory,
          logger,
          programUser: account.name,
        })
      : null;
  const connection = (): Connection =>
    database.kind === 'server' ? database.connection : (embedded?.connection ?? {});
  const onIdleError = (error: Error): void =>
    logger.debug({ err: error }, 'An idle database connection broke.');
  return {
    services: embedded ? [embedded] : [],
    connection,
    untilReachable: async (onWait) => {
      await untilReachable(connection(), onWait);
      if (database.kind === 'server') await refuseTransactionPooler(connection());
    },
    openForMaintenance: () =>
      createDatabase({
        connection: connection(),
        poolSize: 2,
        applicationName: 'daybook',
        limits: noLimits,
        onIdleError,
      }),
    open: () =>
      createDatabase({
        connection: connection(),
        poolSize: database.poolSize,
        applicationName: 'daybook',
        onIdleError,
        onStatementError: (code) => metrics.statementFailed(code),
        outage: {
          onLost: (error) =>
            logger.warn({ reason: String(error) }, 'The database does not answer; trying again and again.'),
          onBack: (seconds) => logger.warn({ seconds }, 'The database answers again.'),
        },
      }),
  };
}
