import { setTimeout as wait } from 'node:timers/promises';
import { createDatabase, type Database } from '../../src/adapters/store/database.ts';
import { sqlstateOf } from '../../src/adapters/store/sqlstates.ts';
import { Random } from '../support/faults/random.ts';
import { Memory } from './memory.ts';
import { createStormyDatabase, isUnavailable } from './stormy-database.ts';
import { Undo, type UndoName } from './undo.ts';

export interface StormOptions {
  /** Of a migrated database that is there for the storm alone. */
  url: string;
  seconds: number;
  seed: number;
  /** Backends are killed in the middle of their statements. */
  hasKills?: boolean;
  /** Takes one rule of the moves back, to see that the oracle finds it. */
  undo?: UndoName | undefined;
}

export const applicationName = 'daybook-storm';

/** Connections for all clients together; a storm has some forty, and each waits most of its time. */
const poolSize = 32;

/** One storm: the clients' way to the database, what they know, and when it is over. */
export class Storm {
  readonly options: StormOptions;
  /** Delays, loses answers, and says what was refused. */
  readonly db: Database;
  /** The same database as it is, for whoever looks. */
  readonly plain: Database;
  readonly random: Random;
  readonly memory = new Memory();
  /** How often each thing was done. */
  readonly tally = new Map<string, number>();
  /** What the server refused, and what went wrong in a client. */
  readonly errors = new Map<string, number>();
  /** What watchers saw that may never be. */
  readonly seen = new Map<string, number>();
  readonly undo: Undo | undefined;
  readonly #pools: readonly Database[];
  #isRough = false;
  #isOver = false;

  constructor(options: StormOptions) {
    this.options = options;
    this.random = new Random(options.seed);
    const open = (name: string, size: number): Database =>
      createDatabase({
        connection: { connectionString: options.url },
        poolSize: size,
        applicationName: name,
        onIdleError: () => {},
      });
    // The feed waits for the transactions of Daybook, whom it knows by this name.
    const clients = open(applicationName, poolSize);
    this.plain = open('daybook-storm-oracle', 4);
    this.#pools = [clients, this.plain];
    this.undo = options.undo && new Undo(options.undo);
    this.db = createStormyDatabase(clients, {
      random: this.random,
      isRough: () => this.#isRough,
      rewrite: (statement) => this.undo?.rewrite(statement) ?? statement,
      onError: (code, about) => raise(this.errors, `${code} ${about}`),
    });
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  begin(): void {
    this.#isRough = true;
  }

  /** What is under way goes on to its end. */
  end(): void {
    this.#isRough = false;
    this.#isOver = true;
  }

  async close(): Promise<void> {
    for (const pool of this.#pools) await pool.close();
  }

  count(what: string, times = 1): void {
    raise(this.tally, what, times);
  }

  /** A watcher or a client saw what may never be. */
  accuse(what: string): void {
    raise(this.seen, what);
  }

  /** Does it again and again, with a pause of up to so long, until the storm is over. */
  async repeat(mostPauseMs: number, act: () => Promise<unknown>): Promise<void> {
    while (!this.#isOver) {
      await this.pause(mostPauseMs);
      await this.attempt(act);
    }
  }

  /** What a client must be able to meet is counted; anything else is an error of the storm's clients. */
  async attempt(act: () => Promise<unknown>): Promise<void> {
    try {
      await act();
    } catch (error) {
      if (isUnavailable(error)) return this.count('unavailable');
      // The database has told of what the server refused.
      if (sqlstateOf(error)) return;
      raise(this.errors, error instanceof Error ? (error.stack ?? error.message) : String(error));
    }
  }

  pause(mostMs: number): Promise<void> {
    return wait(this.random.integer(0, mostMs));
  }
}

function raise(counts: Map<string, number>, what: string, by = 1): void {
  counts.set(what, (counts.get(what) ?? 0) + by);
}
