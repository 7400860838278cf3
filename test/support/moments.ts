import type { Database, Statement } from '../../src/adapters/store/database.ts';
import { pollUntil } from './poll.ts';

/** A database whose statements and transactions stay open before their commit, until they are let go. */
export interface Held {
  db: Database;
  /** Resolves when the first of them has done its work. */
  isDone: Promise<void>;
  letGo(): void;
}

/**
 * For two who meet at one row: the first holds it, the second comes meanwhile.
 * @param only of statements: those that contain this; by default all, and transactions
 */
export function holdBeforeCommit(db: Database, only?: string): Held {
  const done = Promise.withResolvers<void>();
  const released = Promise.withResolvers<void>();
  const transaction: Database['transaction'] = (work) =>
    db.transaction(async (tx) => {
      const result = await work(tx);
      done.resolve();
      await released.promise;
      return result;
    });
  const isHeld = (statement: Statement | string): boolean =>
    only === undefined || (typeof statement === 'string' ? statement : statement.text).includes(only);
  return {
    db: {
      ...db,
      transaction: only === undefined ? transaction : db.transaction,
      query: (statement, values) =>
        isHeld(statement) ? transaction((tx) => tx.query(statement, values)) : db.query(statement, values),
    },
    isDone: done.promise,
    letGo: () => released.resolve(),
  };
}

/** Does `act` once, before the first statement of this name is sent. */
export function before(db: Database, name: string, act: () => Promise<unknown>): Database {
  let isDue = true;
  return {
    ...db,
    query: async (statement, values) => {
      if (isDue && typeof statement !== 'string' && statement.name === name) {
        isDue = false;
        await act();
      }
      return db.query(statement, values);
    },
  };
}

/** Sends another text for whatever contains `from`. @throws when nothing that is sent does */
export function rewriting(db: Database, from: string, to: string): Database {
  const rewrite = (statement: Statement | string): Statement => {
    const { name, ...rest } =
      typeof statement === 'string' ? { name: undefined, text: statement } : statement;
    if (!rest.text.includes(from)) throw new Error(`the text of ${name} has no "${from}"`);
    return { ...rest, text: rest.text.replace(from, () => to) };
  };
  return { ...db, query: (statement, values) => db.query(rewrite(statement), values) };
}

/** Resolves when so many sessions of this database wait for a lock. */
export async function untilWaiting(db: Database, count: number): Promise<void> {
  await pollUntil(
    () =>
      db.query<{ count: number }>(
        `select count(distinct pid) from pg_locks l join pg_stat_activity a using (pid)
         where a.datname = current_database() and not l.granted`,
      ),
    ([row]) => row?.count === count,
  );
}
