import { createHash } from 'node:crypto';
import pg from 'pg';
import { AppError, isAppError } from '../../contract/errors.ts';
import { isConnectionLost } from '../../lib/connection-lost.ts';
import { Outage, type OutageListener } from './outage.ts';
import { SessionClient, type SessionLimits } from './connection.ts';
import { runCopyOut } from './copy-out.ts';
import { isSqlError, sqlstateOf } from './sqlstates.ts';

/** Where the server is: `postgres://…`, or a folder with a Unix socket as `host`. */
export type Connection = pg.PoolConfig;

/** A statement of ours; with a name it is prepared once per connection and then only executed. */
export interface Statement {
  name?: string;
  text: string;
  /**
   * It finds its rows by their keys, whatever the planner thinks: it runs in a session where a plan that was made while the
   * tables of what lives were empty, or grew, is none that reads them whole. Not within a transaction.
   */
  isByKey?: true;
}

/**
 * For a statement that is built of parts and has few forms: prepared under a name that follows from its text. Planning
 * one that joins much takes longer than running it.
 */
export function prepared(text: string): Statement {
  return { name: createHash('sha256').update(text).digest('base64url'), text };
}

/** What statements run on: the pool, or one transaction of it. */
export interface Queryable {
  /** @throws AppError `database_unavailable` when the server cannot be reached; else the error of the server. */
  query<Row>(statement: Statement | string, values?: readonly unknown[]): Promise<Row[]>;
}

export interface Database extends Queryable {
  /** Where it is, for whoever needs connections of its own. */
  readonly connection: Connection;
  /** Runs `work` in one transaction; commits when it resolves, rolls back when it rejects. */
  transaction<T>(work: (tx: Queryable) => Promise<T>): Promise<T>;
  /**
   * Runs a `copy … to stdout` and hands on its bytes as they come; they stay what they are until `take` returns. What
   * `take` throws ends it, and its connection.
   */
  copyOut(statement: string, take: (bytes: Buffer) => void): Promise<void>;
  /** Resolves when the server answers. @throws AppError `database_unavailable` */
  ping(): Promise<void>;
  /** Connections of this process by what they do; callers that wait for one. */
  connections(): { used: number; idle: number; waiting: number };
  close(): Promise<void>;
}

export interface DatabaseOptions {
  connection: Connection;
  poolSize: number;
  applicationName: string;
  /** By default those of requests. */
  limits?: SessionLimits;
  onIdleError(error: Error): void;
  /** Told of every statement that failed: its SQLSTATE, else Node's code, else `unknown`. */
  onStatementError?(code: string): void;
  /** Told when the database goes away and when it is back. */
  outage?: OutageListener;
}

/** Of the connections, for statements that find rows by key. The others are never fewer than two. */
const keyedShare = 0.4;

/** Nobody waits longer for an answer; a session that holds locks for somebody who is gone ends sooner. */
const requestLimits: SessionLimits = { statementTimeoutMs: 60_000, idleInTransactionTimeoutMs: 30_000 };

export function createDatabase(options: DatabaseOptions): Database {
  const { limits = requestLimits } = options;
  // The pool hands all of these on to each client.
  const config: pg.PoolConfig = {
    ...options.connection,
    Client: SessionClient as typeof pg.Client,
    application_name: options.applicationName,
    connectionTimeoutMillis: 5_000,
    // A server that vanished without a FIN must not hold a caller forever.
    ...(limits.statementTimeoutMs === 0 ? {} : { query_timeout: limits.statementTimeoutMs + 5_000 }),
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
  };
  const makePool = (max: number, findsByKey: boolean): pg.Pool => {
    const made = new pg.Pool({ ...config, max, limits: { ...limits, findsByKey } } as pg.PoolConfig);
    made.on('error', (error) => options.onIdleError(error));
    return made;
  };
  const forKeyed = Math.max(1, Math.floor(options.poolSize * keyedShare));
  const keyed = makePool(forKeyed, true);
  const pool = makePool(Math.max(2, options.poolSize - forKeyed), false);
  let closed: Promise<void> | undefined;
  const outage = options.outage && new Outage(options.outage);
  const watch: Watch = {
    failed: (error) => {
      options.onStatementError?.(sqlstateOf(error) || 'unknown');
      const translated = translate(error);
      if (isAppError(translated) && !closed) outage?.failed(error);
      return translated;
    },
    answered: () => outage?.answered(),
  };
  return {
    connection: options.connection,
    copyOut: (statement, take) => copyOut(pool, { statement, take, watch }),
    query: (statement, values) =>
      run(typeof statement !== 'string' && statement.isByKey ? keyed : pool, { statement, values, watch }),
    transaction: (work) => inTransaction(pool, work, watch),
    ping: async () => void (await run(pool, { statement: 'select 1', watch })),
    connections: () => ({
      used: pool.totalCount - pool.idleCount + keyed.totalCount - keyed.idleCount,
      idle: pool.idleCount + keyed.idleCount,
      waiting: pool.waitingCount + keyed.waitingCount,
    }),
    close: () => (closed ??= Promise.all([pool.end(), keyed.end()]).then(() => undefined)),
  };
}

/** Follows every statement. */
interface Watch {
  /** @returns the error to throw */
  failed(error: unknown): unknown;
  answered(): void;
}

async function inTransaction<T>(
  pool: pg.Pool,
  work: (tx: Queryable) => Promise<T>,
  watch: Watch,
): Promise<T> {
  const client = await pool.connect().catch((error: unknown) => {
    throw watch.failed(error);
  });
  let broken: Error | undefined;
  // Lost between two statements, no query is there to reject.
  const onError = (error: Error): void => {
    broken = error;
  };
  client.on('error', onError);
  try {
    await run(client, { statement: 'begin', watch });
    const result = await work({ query: (statement, values) => run(client, { statement, values, watch }) });
    await run(client, { statement: 'commit', watch });
    return result;
  } catch (error) {
    await client.query('rollback').catch((failure: Error) => {
      broken = failure;
    });
    throw error;
  } finally {
    // A connection that could not even roll back is thrown away instead of being handed to the next caller.
    client.off('error', onError);
    client.release(broken);
  }
}

async function copyOut(
  pool: pg.Pool,
  { statement, take, watch }: { statement: string; take: (bytes: Buffer) => void; watch: Watch },
): Promise<void> {
  let client: pg.PoolClient | undefined;
  let problem: unknown;
  try {
    client = await pool.connect();
    await runCopyOut(client, statement, take);
    watch.answered();
  } catch (error) {
    problem = error;
    throw watch.failed(error);
  } finally {
    // One that was left in the middle is still being sent.
    client?.release(problem !== undefined);
  }
}

async function run<Row>(
  target: pg.Pool | pg.PoolClient,
  {
    statement,
    values = [],
    watch,
  }: {
    statement: Statement | string;
    values?: readonly unknown[] | undefined;
    watch: Watch;
  },
): Promise<Row[]> {
  const { name, text } = typeof statement === 'string' ? { name: undefined, text: statement } : statement;
  try {
    const result = await target.query({ ...(name === undefined ? {} : { name }), text, values: [...values] });
    watch.answered();
    return result.rows as Row[];
  } catch (error) {
    throw watch.failed(error);
  }
}

function translate(error: unknown): unknown {
  if (isSqlError(error, 'diskFull')) {
    const message = 'The disk of the database is full. Nothing was stored; make room and try again.';
    return new AppError('storage_full', message, { cause: error });
  }
  if (!isConnectionLost(error)) return error;
  return new AppError(
    'database_unavailable',
    'The database does not answer. Try again; a submit with an idempotency key can be repeated safely.',
    {
      cause: error,
    },
  );
}
