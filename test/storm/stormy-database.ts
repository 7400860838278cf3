import { setTimeout as wait } from 'node:timers/promises';
import { AppError, isAppError } from '../../src/contract/errors.ts';
import type { Database, Queryable, Statement } from '../../src/adapters/store/database.ts';
import { sqlstateOf } from '../../src/adapters/store/sqlstates.ts';
import type { Random } from '../support/faults/random.ts';

export interface Weather {
  random: Random;
  /** Whether statements are delayed and answers lost; asked each time. */
  isRough(): boolean;
  /** What is sent instead of a statement of the product. */
  rewrite(statement: Statement): Statement;
  /** Told of every error of the server that is no lost connection: its SQLSTATE, and what was violated. */
  onError(code: string, about: string): void;
}

/** What a session for statements that find their rows by key is told; a transaction runs on one of the others. */
const findByKey = `set local enable_seqscan = off; set local enable_bitmapscan = off; set local enable_mergejoin = off;
set local plan_cache_mode = force_generic_plan`;

const longest = { betweenMs: 8, beforeCommitMs: 25 };

/**
 * The database as the clients of a storm meet it: some statements are held open before their commit, some transactions
 * pause between their statements, and some answers are lost after the commit, when nobody knows what became of it.
 */
export function createStormyDatabase(db: Database, weather: Weather): Database {
  const { random, isRough } = weather;
  const chance = (probability: number): boolean => isRough() && random.chance(probability);
  const pause = (mostMs: number): Promise<void> => wait(random.integer(0, mostMs));
  const rewritten = (statement: Statement | string): Statement =>
    weather.rewrite(typeof statement === 'string' ? { text: statement } : statement);

  const watched = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      if (sqlstateOf(error) && !isUnavailable(error)) weather.onError(sqlstateOf(error), aboutOf(error));
      throw error;
    }
  };
  const loseSome = (): void => {
    if (chance(0.01)) throw new AppError('database_unavailable', 'The answer was lost after the commit.');
  };

  const transaction = async <T>(work: (tx: Queryable) => Promise<T>): Promise<T> => {
    const result = await db.transaction(async (tx) => {
      const query = async <Row>(
        statement: Statement | string,
        values?: readonly unknown[],
      ): Promise<Row[]> => {
        const rows = await watched(() => tx.query<Row>(rewritten(statement), values));
        if (chance(0.3)) await pause(longest.betweenMs);
        return rows;
      };
      const result = await work({ query });
      if (chance(0.3)) await pause(longest.beforeCommitMs);
      return result;
    });
    loseSome();
    return result;
  };

  /** A statement alone in its transaction, held open before the commit. */
  const heldOpen = <Row>(statement: Statement | string, values?: readonly unknown[]): Promise<Row[]> =>
    transaction(async (tx) => {
      if (rewritten(statement).isByKey) await tx.query(findByKey);
      return tx.query<Row>(statement, values);
    });

  return {
    ...db,
    query: async <Row>(statement: Statement | string, values?: readonly unknown[]): Promise<Row[]> => {
      if (chance(0.15)) return heldOpen(statement, values);
      const rows = await watched(() => db.query<Row>(rewritten(statement), values));
      loseSome();
      return rows;
    },
    transaction,
  };
}

/** Of a client that goes on: the server or the answer was not there. */
export function isUnavailable(error: unknown): boolean {
  return isAppError(error) && error.code === 'database_unavailable';
}

function aboutOf(error: unknown): string {
  if (!(error instanceof Error)) return '';
  return 'constraint' in error && typeof error.constraint === 'string' ? error.constraint : error.message;
}
