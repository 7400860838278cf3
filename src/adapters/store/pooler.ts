import type pg from 'pg';
import { AppError } from '../../contract/errors.ts';
import { createSession } from './connection.ts';

/**
 * A pooler in transaction mode hands the connection of one client to another after each transaction. Prepared
 * statements, LISTEN, the leader's lock and settings of the session then belong to somebody else a moment later, and
 * requests fail now and then. Two clients at once that are told the same backend have found one.
 * @throws AppError `configuration` when the address leads to one; what connecting throws
 */
export async function refuseTransactionPooler(connection: pg.ClientConfig): Promise<void> {
  const [first, second] = [createSession(connection, 'daybook'), createSession(connection, 'daybook')];
  try {
    await Promise.all([first.connect(), second.connect()]);
    const one = await backendOf(first);
    await second.query('begin');
    if (one !== (await backendOf(second))) return;
  } finally {
    await Promise.allSettled([first.end(), second.end()]);
  }
  throw new AppError(
    'configuration',
    'DATABASE_URL leads to a connection pooler in transaction mode, which gives a connection to somebody else after each transaction. Daybook needs sessions of its own: use the address of PostgreSQL itself, or a pool in session mode (pool_mode = session).',
  );
}

async function backendOf(client: pg.Client): Promise<number> {
  const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
  return rows[0]?.pid ?? 0;
}
