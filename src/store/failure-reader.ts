import type { Actor } from '../contract/actor.ts';
import type { Failure } from '../contract/failure.ts';
import type { Queryable } from './database.ts';
import { Conditions, visibleTo } from './jobs/conditions.ts';

/**
 * Counted when asked, from the jobs that stand as failed now: a counter kept at every end would be a row that all ends
 * fight for, and wrong after a retry. The partial index holds failed jobs only.
 */
export async function readFailures(
  db: Queryable,
  { since, until, limit }: { since: Date; until: Date; limit: number },
  actor: Actor,
): Promise<Failure[]> {
  const conditions = visibleTo(new Conditions(), actor)
    .add('j.family is not null')
    .add('j.ended_at >= ?', since)
    .add('j.ended_at < ?', until);
  const rows = await db.query<
    Omit<Failure, 'firstSeenAt' | 'lastSeenAt'> & { firstSeenAt: Date; lastSeenAt: Date }
  >(
    `with families as (
       select j.family, count(*) as jobs, min(j.ended_at) as first, max(j.ended_at) as last,
         (array_agg(j.id order by j.ended_at desc))[1] as last_job
       from jobs j where ${conditions.text}
       group by j.family order by last desc limit ${conditions.value(limit)}
     )
     select f.id, f.signature, f.reason, n.jobs, n.first as "firstSeenAt", n.last as "lastSeenAt",
       n.last_job as "lastJobId", coalesce(a.error_line, j.message) as example
     from families n join failure_families f on f.id = n.family join jobs j on j.id = n.last_job
     left join attempts a on a.job_id = j.id and a.number = j.attempt
     order by n.last desc, f.id`,
    conditions.values,
  );
  return rows.map((row) => ({
    ...row,
    firstSeenAt: row.firstSeenAt.toISOString(),
    lastSeenAt: row.lastSeenAt.toISOString(),
  }));
}
