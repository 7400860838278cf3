import type pg from 'pg';
import { AppError } from '../../contract/errors.ts';
import { backoffMs } from '../../lib/backoff.ts';
import { isConnectionLost } from '../../lib/connection-lost.ts';
import { delay } from '../../lib/delay.ts';
import { createSession } from './connection.ts';
import { sqlstateOf } from './sqlstates.ts';

const patience = { initialMs: 100, factor: 1.5, maxMs: 2_000 };

/** Names that nobody knows yet: the container or machine may come later. */
const notYet = new Set(['ENOTFOUND', 'EAI_AGAIN', 'ENETUNREACH']);

/**
 * Waits for the server, without a limit: after a reboot it may come minutes later, and whatever starts us again and again
 * gives up sooner.
 * @param onWait told of each try that failed, with the reason
 * @throws AppError `configuration` when the server answers, and says what waiting does not change
 */
export async function untilReachable(
  connection: pg.ClientConfig,
  onWait: (reason: string) => void,
): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    const error = await tryToConnect(connection);
    if (!error) return;
    const refusal = toRefusal(error, connection);
    if (refusal) throw refusal;
    if (!isConnectionLost(error) && !notYet.has(sqlstateOf(error))) throw error;
    onWait(error.message || sqlstateOf(error));
    await delay(backoffMs(tries, patience));
  }
}

async function tryToConnect(connection: pg.ClientConfig): Promise<Error | null> {
  const client = createSession(connection, 'daybook');
  try {
    await client.connect();
    return null;
  } catch (error) {
    return error as Error;
  } finally {
    await client.end().catch(() => {
      // It never was connected.
    });
  }
}

/** What the server says of account and database; null: nothing. */
function toRefusal(error: Error, connection: pg.ClientConfig): AppError | null {
  const { host, port, user, database } = createSession(connection, 'daybook');
  const where = `PostgreSQL at ${host}:${port}`;
  switch (sqlstateOf(error)) {
    case '28P01':
    case '28000':
      return refusal(
        `${where} does not let the account ${user} in: ${error.message}. Check name and password.`,
      );
    case '3D000':
      return refusal(
        `${where} has no database ${database}. Make it there (createdb -O ${user} ${database}), or name another one.`,
      );
    case '42501':
      return refusal(`${where} does not allow the account ${user} to use the database ${database}.`);
    default:
      return null;
  }

  function refusal(message: string): AppError {
    return new AppError('configuration', message, { cause: error });
  }
}
