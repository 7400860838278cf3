import type pg from 'pg';
import { delay } from '../../lib/delay.ts';
import type { Logger } from '../../lib/logger.ts';
import type { Duty, Service } from '../../lib/service.ts';
import { createSession } from './connection.ts';
import type { Connection } from './database.ts';

/** Held by the one process that looks after all the others; arbitrary, but ours alone in this database. */
const leaderLock = 7_301_003;

const tryEveryMs = 1_000;

export interface LeaderOptions {
  connection: Connection;
  /** Run while this process leads. */
  duties: readonly Duty[];
  logger: Logger;
}

/**
 * Leadership is a session lock of PostgreSQL on a connection of its own: it ends with the connection, whatever ends
 * that. A deposed leader may go on for a moment; nothing depends on there being only one, since every duty acts by
 * conditional updates. It only saves the work of all the others.
 */
export class Leader implements Service {
  readonly name = 'leader';
  readonly #options: LeaderOptions;
  readonly #stopping = new AbortController();
  #loop: Promise<void> | undefined;
  #client: pg.Client | undefined;

  constructor(options: LeaderOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    this.#loop ??= this.#campaign();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#client?.end().catch(() => undefined);
    await this.#loop;
  }

  async #campaign(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      try {
        await this.#serve(signal);
      } catch (error) {
        if (!signal.aborted)
          this.#options.logger.debug({ err: error }, 'Leadership needs the database; trying again.');
      }
      await delay(tryEveryMs, signal);
    }
  }

  async #serve(signal: AbortSignal): Promise<void> {
    const term = new AbortController();
    const client = createSession(this.#options.connection, 'daybook');
    this.#client = client;
    client.once('end', () => term.abort());
    const resign = (): void => term.abort();
    signal.addEventListener('abort', resign, { once: true });
    try {
      await client.connect();
      // Of a leader that vanished without a word the server must notice soon, or nobody else could lead for hours.
      await client.query(
        'set tcp_keepalives_idle = 10; set tcp_keepalives_interval = 5; set tcp_keepalives_count = 3',
      );
      while (!term.signal.aborted) {
        const { rows } = await client.query<{ held: boolean }>('select pg_try_advisory_lock($1) as held', [
          leaderLock,
        ]);
        if (rows[0]?.held) {
          await Promise.all(this.#options.duties.map((duty) => this.#perform(duty, term)));
          return;
        }
        await delay(tryEveryMs, term.signal);
      }
    } finally {
      signal.removeEventListener('abort', resign);
      await client.end().catch(() => undefined);
    }
  }

  /** One that fails ends the term: all of them begin anew, here or where somebody else leads. */
  async #perform(duty: Duty, term: AbortController): Promise<void> {
    try {
      await duty.run(term.signal);
    } catch (error) {
      if (!term.signal.aborted)
        this.#options.logger.warn({ err: error, duty: duty.name }, 'A duty failed; all begin anew.');
      term.abort();
    }
  }
}
