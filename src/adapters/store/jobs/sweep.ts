import type { Place } from '../../../domain/jobs/ports.ts';
import type { Queryable } from '../database.ts';

/**
 * Moves what time or a freed lane has made ready: due jobs, and jobs that a lane held back while it has room (or no
 * longer exists). Places in lanes are not taken here but by the claim, so bringing back too many is harmless. Rows are
 * skipped when somebody else holds them: they move them, or the next sweep does.
 */
const sweepStatement = {
  name: 'sweep-jobs',
  text: `
with due as (
  select id from jobs where state = 'scheduled' and run_at <= now() order by run_at limit $1 for update skip locked
),
lane_room as (
  select w.key, coalesce(l.capacity - l.taken, $1) as room
  from (select distinct blocked_by as key from jobs where state = 'waiting' and blocked_by is not null) w
  left join lanes l on l.key = w.key
  where l.key is null or l.capacity > l.taken
),
unblocked as (
  select w.id from lane_room r cross join lateral (
    select id from jobs j where j.state = 'waiting' and j.blocked_by = r.key
    order by j.priority desc, j.id limit least(r.room, $1) for update skip locked
  ) w
),
moved as (
  update jobs j set state = 'queued', blocked_by = null
  from (select id from due union select id from unblocked) c where j.id = c.id and j.state in ('scheduled', 'waiting')
  returning j.id, j.queue, j.needs
),
history as (
  insert into events (job_id, actor, name) select id, 'system:sweep', 'queued' from moved
)
select distinct queue, needs from moved`,
};

export function sweepJobs(db: Queryable, limit: number): Promise<Place[]> {
  return db.query<Place>(sweepStatement, [limit]);
}

/**
 * Retries whose time lies further ahead than their policy ever puts one: the clock was ahead when it was set. They are
 * due now. The time that a submit named stands, however far ahead it is.
 */
const bringBackRetriesStatement = {
  name: 'bring-back-retries',
  text: `
update jobs j set run_at = now() from job_inputs i
where i.job_id = j.id and j.state = 'scheduled' and j.attempt > 0
  and j.run_at > now() + (i.retry ->> 'maxMs')::float8 * interval '1 millisecond' + interval '1 hour'
returning j.id`,
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
