import type { Place } from '../../../domain/jobs/ports.ts';
import type { Queryable, Statement } from '../database.ts';

/**
 * Moves what time or a freed lane has made ready: due jobs, and jobs that a lane held back while it has room (or no
 * longer exists). Places in lanes are not taken here but by the claim, so bringing back too many is harmless. Rows are
 * skipped when somebody else holds them: they move them, or the next sweep does.
 */
const sweepStatement: Statement = {
  name: 'sweep-jobs',
  isByKey: true,
  text: `
with due as (
  select job_id from queued where state = 'scheduled' and run_at <= now() order by run_at limit $1 for update skip locked
),
lane_room as (
  select w.key, coalesce(l.capacity - l.taken, $1) as room
  from (select distinct blocked_by as key from queued where state = 'waiting' and blocked_by is not null) w
  left join lanes l on l.key = w.key
  where l.key is null or l.capacity > l.taken
),
unblocked as (
  select w.job_id from lane_room r cross join lateral (
    select job_id from queued q where q.state = 'waiting' and q.blocked_by = r.key
    order by q.priority desc, q.job_id limit least(r.room, $1) for update skip locked
  ) w
),
moved as (
  update queued q set state = 'queued', blocked_by = null
  where q.job_id = any(array(select job_id from due union select job_id from unblocked)) and q.state in ('scheduled', 'waiting')
  returning q.job_id, q.place
),
history as (
  insert into events (job_id, actor, name) select job_id, 'system:sweep', 'queued' from moved
)
select queue, needs from places where id = any(array(select place from moved))`,
};

export function sweepJobs(db: Queryable, limit: number): Promise<Place[]> {
  return db.query<Place>(sweepStatement, [limit]);
}

/**
 * Retries whose time lies further ahead than their policy ever puts one: the clock was ahead when it was set. They are
 * due now. The time that a submit named stands, however far ahead it is.
 */
const bringBackRetriesStatement: Statement = {
  name: 'bring-back-retries',
  isByKey: true,
  text: `
update queued q set run_at = now()
where q.state = 'scheduled' and q.attempt > 0
  and q.run_at > now() + interval '1 hour' + interval '1 millisecond' * (
    select (i.retry ->> 'maxMs')::float8 from job_inputs i where i.job_id = q.job_id
  )
returning q.job_id`,
};

/** @returns how many there were */
export async function bringBackRetries(db: Queryable): Promise<number> {
  return (await db.query(bringBackRetriesStatement)).length;
}

export async function forgetIdempotencyKeys(db: Queryable, olderThanMs: number): Promise<number> {
  const rows = await db.query(
    `delete from idempotency_keys where created_at < now() - $1 * interval '1 millisecond' returning 1`,
    [olderThanMs],
  );
  return rows.length;
}
