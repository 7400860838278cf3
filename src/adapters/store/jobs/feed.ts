import type { Actor } from '../../../contract/actor.ts';
import type { FeedEvent } from '../../../domain/jobs/reader-ports.ts';
import type { Queryable } from '../database.ts';
import { Conditions, visibleTo } from './conditions.ts';

interface FeedRow extends Omit<FeedEvent, 'at' | 'recordedAt' | 'position'> {
  at: Date;
  recordedAt: Date;
  xid: string;
}

/**
 * Events in an order in which none is ever skipped. Ids are drawn before the commit, so a follower that went by id
 * alone would pass over an event whose transaction commits late. Therefore (transaction, id) is the order, and the end
 * is the oldest of our transactions that is still under way.
 *
 * Ours alone: the oldest of a snapshot counts every database of the server, and a neighbour's transaction of an hour
 * would silence us for an hour. `next` is read before the sessions are looked at, so whoever drew a smaller number did
 * so before and stands among the sessions until it has ended; the events are read by a later snapshot, which sees all
 * that had ended by then. Both in one statement would be wrong: its snapshot is older than its look at the sessions.
 */
export async function readFeed(
  db: Queryable,
  { position, limit }: { position: string | null; limit: number },
  actor: Actor,
): Promise<{ events: FeedEvent[]; position: string }> {
  const { end, next } = await readEnd(db);
  const asked = parsePosition(position);
  // A position ahead of every transaction is of another cluster, and says nothing here.
  const from = asked && BigInt(asked.xid) < next ? asked : { xid: String(end), id: '0' };
  const conditions = visibleTo(
    new Conditions().add(
      '(e.xid, e.id) > (?::text::xid8, ?::bigint) and e.xid < ?::text::xid8',
      from.xid,
      from.id,
      String(end),
    ),
    actor,
  );
  const rows = await db.query<FeedRow>(
    `select e.id, e.job_id as "jobId", e.at, e.recorded_at as "recordedAt", e.actor, e.name, e.data, job.state, e.xid::text as xid
     from events e join job_rows job on job.id = e.job_id where ${conditions.text} order by e.xid, e.id limit ${conditions.value(limit)}`,
    conditions.values,
  );
  const events = rows.map(({ xid, ...row }): FeedEvent => ({
    ...row,
    at: row.at.toISOString(),
    recordedAt: row.recordedAt.toISOString(),
    position: `${xid}-${row.id}`,
  }));
  return { events, position: events.at(-1)?.position ?? `${from.xid}-${from.id}` };
}

function parsePosition(position: string | null): { xid: string; id: string } | null {
  const match = /^(\d{1,19})-(\d{1,18})$/.exec(position ?? '');
  return match?.[1] && match[2] ? { xid: match[1], id: match[2] } : null;
}

/**
 * Sessions of other accounts hide their transactions. Of Daybook there are none unless its processes were given
 * different ones; then the oldest of the whole server has to do.
 */
const endStatement = {
  name: 'feed-end',
  text: `
select pg_snapshot_xmax(s)::text as next, pg_snapshot_xmin(s)::text as oldest,
  coalesce((
    select json_agg(a.backend_xid::text::bigint) from pg_stat_activity a
    where a.datname = current_database() and starts_with(a.application_name, 'daybook') and a.backend_xid is not null
  ), '[]') as ours,
  exists (
    select from pg_stat_activity a
    where a.datname = current_database() and starts_with(a.application_name, 'daybook') and a.usename <> current_user
  ) as "areSomeHidden"
from pg_current_snapshot() s`,
};

interface EndRow {
  next: string;
  oldest: string;
  /** Of each the lower half of its 64 bits. */
  ours: number[];
  areSomeHidden: boolean;
}

/** The first transaction that may not have ended, and the first that nobody has begun. */
async function readEnd(db: Queryable): Promise<{ end: bigint; next: bigint }> {
  const [row] = await db.query<EndRow>(endStatement);
  if (!row) throw new Error('the database knows no snapshot');
  const next = BigInt(row.next);
  if (row.areSomeHidden) return { end: BigInt(row.oldest), next };
  // On either side of `next`: some have begun since it was read.
  const begun = row.ours.map((low) => next + BigInt.asIntN(32, BigInt(low) - next));
  return { end: begun.reduce((least, one) => (one < least ? one : least), next), next };
}
