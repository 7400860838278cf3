import type { Actor } from '../../contract/actor.ts';
import type { Failure } from '../../contract/failure.ts';
import type { Queryable } from './database.ts';
import { Conditions, visibleTo } from './jobs/conditions.ts';

/** Of the time asked for. */
const parts = 30;

interface FailureRow extends Omit<Failure, 'firstSeenAt' | 'lastSeenAt' | 'course'> {
  firstSeenAt: Date;
  lastSeenAt: Date;
  parts: Record<number, number>;
}

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
    .add('job.family is not null')
    .add('job.ended_at >= ?', since)
    .add('job.ended_at < ?', until);
  const epochs = [since, until].map((at) => `${conditions.value(at.getTime() / 1_000)}::numeric`).join(', ');
  const rows = await db.query<FailureRow>(
    `with failed as materialized (
       select job.family, job.id, job.ended_at, width_bucket(extract(epoch from job.ended_at), ${epochs}, ${parts}) as part
       from end_rows job where ${conditions.text}
     ), families as (
       select family, count(*) as jobs, min(ended_at) as first, max(ended_at) as last,
         (array_agg(id order by ended_at desc))[1] as last_job
       from failed group by family order by last desc limit ${conditions.value(limit)}
     ), parts as (
       select family, part, count(*) as jobs from failed group by family, part
     )
     select f.id, f.signature, f.reason, n.jobs, n.first as "firstSeenAt", n.last as "lastSeenAt",
       n.last_job as "lastJobId", coalesce(a.error_line, job.message) as example,
       (select json_object_agg(p.part, p.jobs) from parts p where p.family = n.family) as parts
     from families n join failure_families f on f.id = n.family join end_rows job on job.id = n.last_job
     left join attempts a on a.job_id = job.id and a.number = job.attempt
     order by n.last desc, f.id`,
    conditions.values,
  );
  return rows.map(({ parts: counts, ...row }) => ({
    ...row,
    course: Array.from({ length: parts }, (_, index) => counts[index + 1] ?? 0),
    firstSeenAt: row.firstSeenAt.toISOString(),
    lastSeenAt: row.lastSeenAt.toISOString(),
  }));
}
