import type { Database } from '../database.ts';

/*
 * When the drain of a queue is answered, every job that it will ever have is stored.
 *
 * Whatever brings a job into a queue (a submit, a retry, a move) looks at the mark of the queue and writes to
 * `places` in one statement or transaction. PostgreSQL takes the locks of the tables that a statement writes to
 * before it takes the snapshot by which that statement looks. So once the mark is committed there are two sorts: who
 * looks later sees it, and who looked before holds the lock of writers of `places` until it commits. `share` waits
 * for exactly those, once. It is asked for alone, in a transaction of its own that holds nothing, so nobody can wait for
 * it in a circle; those that come behind it wait as long as the last of the others takes to commit.
 *
 * Submits pay nothing for this. Tried and dropped: `for share` of the queue in the submit, since all submits of a queue
 * would write to its one row, and under a steady stream of them its change would never get its turn.
 */

const leftToRun = `(
  select count(*) from (select place from queued union all select place from running) l join places p on p.id = l.place
  where p.queue = $1
)`;

/** Lets the queue take no new jobs, and counts what it has to run. Said again, it counts on from where it began. */
export async function beginDrain(db: Database, queue: string): Promise<void> {
  const begun = await db.query(
    `update queues set drain_total = ${leftToRun} where name = $1 and drain_total is null returning name`,
    [queue],
  );
  await db.transaction((tx) => tx.query('lock table places in share mode'));
  if (begun.length === 0) return;
  await db.query(`update queues set drain_total = ${leftToRun} where name = $1 and drain_total is not null`, [
    queue,
  ]);
}
