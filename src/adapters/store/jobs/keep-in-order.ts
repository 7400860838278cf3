import type { RecountedLane } from '../../../domain/jobs/ports.ts';
import type { Database } from '../database.ts';

/** Of a live table; so many dead rows are walked past by every claim before they are taken out. */
const mostDead = 20_000;

const deadStatement = `
select relname as name from pg_stat_user_tables
where relid in ('queued'::regclass, 'running'::regclass) and n_dead_tup > $1`;

const offStatement = `
select key from lanes l where taken <> (select count(*) from running r where l.key = any(r.lanes)) order by key`;

/** The look that found a difference may have been between a claim and its count; see `recount`. */
export async function keepInOrder(db: Database): Promise<{ lanes: RecountedLane[] }> {
  // The database looks once a minute, too seldom for tables through which thousands of rows pass in a second.
  for (const { name } of await db.query<{ name: string }>(deadStatement, [mostDead]))
    await db.query(`vacuum ${name}`);
  const lanes: RecountedLane[] = [];
  for (const { key } of await db.query<{ key: string }>(offStatement)) {
    const lane = await recount(db, key);
    if (lane) lanes.push(lane);
  }
  return { lanes };
}

/**
 * Claims and ends that change how many hold the lane have locked its row, so once it is ours nobody is under way, and a new
 * statement counts those that are there.
 */
function recount(db: Database, key: string): Promise<RecountedLane | null> {
  return db.transaction(async (tx) => {
    const [lane] = await tx.query<{ taken: number }>('select taken from lanes where key = $1 for update', [
      key,
    ]);
    if (!lane) return null;
    const [row] = await tx.query<{ taken: number }>(
      `update lanes set taken = (select count(*) from running where $1 = any(lanes)) where key = $1 returning taken`,
      [key],
    );
    return row && row.taken !== lane.taken ? { key, taken: lane.taken, held: row.taken } : null;
  });
}
