import type { Actor } from '../../../contract/actor.ts';
import type { FeedEvent } from '../../../domain/jobs/ports.ts';
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
 * is the oldest transaction that is still under way.
 */
export async function readFeed(
  db: Queryable,
  { position, limit }: { position: string | null; limit: number },
  actor: Actor,
): Promise<{ events: FeedEvent[]; position: string }> {
  const from = parsePosition(position) ?? (await currentPosition(db));
  const conditions = visibleTo(
    new Conditions().add(
      '(e.xid, e.id) > (?::text::xid8, ?::bigint) and e.xid < pg_snapshot_xmin(pg_current_snapshot())',
      from.xid,
      from.id,
    ),
    actor,
  );
  const rows = await db.query<FeedRow>(
    `select e.id, e.job_id as "jobId", e.at, e.recorded_at as "recordedAt", e.actor, e.name, e.data, j.state, e.xid::text as xid
     from events e join jobs j on j.id = e.job_id where ${conditions.text} order by e.xid, e.id limit ${conditions.value(limit)}`,
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

/** Just behind everything that is certain to be committed. */
async function currentPosition(db: Queryable): Promise<{ xid: string; id: string }> {
  const [row] = await db.query<{ xid: string }>(
    `select pg_snapshot_xmin(pg_current_snapshot())::text as xid`,
  );
  return { xid: row?.xid ?? '0', id: '0' };
}
