/**
 * The one way to a connection to PostgreSQL: for the pool, for whoever leads or listens, for backup and restore.
 *
 * Databases and roles may have settings of their own (`alter database … set`, `alter role … set`), which would change
 * what values look like, when a statement is given up, or what a transaction sees. A session therefore says first what
 * it relies on. By a statement, not in the start packet: poolers refuse most parameters there, and in session mode they
 * let a statement through.
 */
import pg from 'pg';

// bigint: ids, counters and byte counts stay far below 2^53, and a number is what JSON and people expect.
pg.types.setTypeParser(pg.types.builtins.INT8, Number);
pg.types.setTypeParser(pg.types.builtins.NUMERIC, Number);

export interface SessionLimits {
  /** Milliseconds; 0: none. */
  statementTimeoutMs: number;
  /** Of a session that holds locks for somebody who is gone; 0: none. */
  idleInTransactionTimeoutMs: number;
  /** Its statements find rows by key, and are planned once. */
  findsByKey?: boolean;
}

/** For maintenance, which takes as long as it takes. */
export const noLimits: SessionLimits = { statementTimeoutMs: 0, idleInTransactionTimeoutMs: 0 };

export type ClientOptions = pg.ClientConfig & { limits: SessionLimits };

type Connected = ((error: Error) => void) | ((error: null, client: pg.Client) => void);

type Told = (error: Error | null, client?: pg.Client) => void;

/**
 * A client that is ready once what our statements rely on holds in its session. An error between two statements (the
 * server ends the session) rejects the next one; it never ends the process, whoever has the client at that moment.
 */
export class SessionClient extends pg.Client {
  readonly #limits: SessionLimits;

  constructor({ limits, ...config }: ClientOptions) {
    super({ connectionTimeoutMillis: 5_000, keepAlive: true, ...config });
    this.#limits = limits;
    this.on('error', () => undefined);
  }

  // The pool calls with a callback, everybody else waits for the promise.
  override connect(): Promise<pg.Client>;
  override connect(callback: Connected): void;
  override connect(callback?: Connected): Promise<pg.Client> | void {
    const ready = this.#begin();
    if (!callback) return ready;
    void tell(ready, callback as Told);
  }

  async #begin(): Promise<pg.Client> {
    await super.connect();
    try {
      await this.query(sessionStatement(this.#limits));
      return this;
    } catch (error) {
      void this.end().catch(() => undefined);
      throw error;
    }
  }
}

/** A session of its own, for as long as it takes: to lead, to listen, to maintain. Not connected yet. */
export function createSession(connection: pg.ClientConfig, applicationName: string): pg.Client {
  return new SessionClient({ ...connection, application_name: applicationName, limits: noLimits });
}

async function tell(ready: Promise<pg.Client>, callback: Told): Promise<void> {
  const [error, client] = await ready.then(
    (client) => [null, client] as const,
    (error: Error) => [error, undefined] as const,
  );
  callback(error, client);
}

/**
 * Tables of what lives are empty again and again. A plan made then reads them whole, or compares every row with every
 * other, and is kept while they grow. So rows are found by `= any(array(…))` or `lateral (… offset 0)`, which leave no other
 * way than the key, and what is left to join is hashed.
 */
const findByKey =
  'set enable_seqscan = off; set enable_bitmapscan = off; set enable_mergejoin = off; set enable_nestloop = off; set jit = off; set plan_cache_mode = force_generic_plan;';

function sessionStatement({
  statementTimeoutMs,
  idleInTransactionTimeoutMs,
  findsByKey,
}: SessionLimits): string {
  // A page takes less than a millisecond, of which the planner expects a hundred times more: compiling it took 15.
  return `
set jit = off;
set datestyle = 'ISO'; set intervalstyle = 'postgres'; set timezone = 'UTC'; set bytea_output = 'hex';
set extra_float_digits = 1; set standard_conforming_strings = on;
set default_transaction_isolation = 'read committed'; set default_transaction_deferrable = off;
set lock_timeout = 0; set statement_timeout = ${statementTimeoutMs};
set idle_in_transaction_session_timeout = ${idleInTransactionTimeoutMs};
${findsByKey ? findByKey : ''}
do $$ begin
  -- Came with PostgreSQL 14 and 17.
  perform set_config(name, '0', false) from pg_settings where name in ('idle_session_timeout', 'transaction_timeout');
  -- Where tables are made and found: in one schema, whatever else stands on the path.
  perform set_config('search_path', quote_ident(current_schema()), false) where current_schema() is not null;
end $$`;
}
