/**
 * Transactions are numbered by the cluster, so a number means nothing in another one. Two things of ours name them:
 * the events of jobs, whose order is (transaction, id), and the place up to which notifications were looked for.
 *
 * Rows that come from elsewhere (a restore, a copy by other tools, another server put in place of this one) count as
 * written by one old transaction. Their ids still order them, so nobody is told anything twice or never.
 */
import type { Database, Queryable } from './database.ts';

/** Older than any that a server gives out to anybody: see FirstNormalTransactionId in PostgreSQL's transam.h. */
export const oldTransaction = '3';

/** For tables whose events were just given the old transaction. */
export const takeOverPosition = `do $$ begin
  -- A backup may be older than notifications are.
  if to_regclass('notification_position') is not null then
    update notification_position set position = '${oldTransaction}-' || split_part(position, '-', 2);
  end if;
end $$`;

const repairStatement = `
with ahead as (
  update events set xid = '${oldTransaction}' where xid >= pg_snapshot_xmax(pg_current_snapshot()) returning 1
)
select (select count(*) from ahead)::int as events,
  exists (
    select from notification_position
    where split_part(position, '-', 1)::xid8 >= pg_snapshot_xmax(pg_current_snapshot())
  ) as "isPositionAhead"`;

/**
 * Puts right what was numbered by another cluster. Cheap where there is nothing to do: an index has the numbers.
 * @returns whether something had to be put right
 */
export async function repairPositions(db: Database): Promise<boolean> {
  return db.transaction(async (tx: Queryable) => {
    const [found] = await tx.query<{ events: number; isPositionAhead: boolean }>(repairStatement);
    if (!found || (found.events === 0 && !found.isPositionAhead)) return false;
    await tx.query(takeOverPosition);
    return true;
  });
}
