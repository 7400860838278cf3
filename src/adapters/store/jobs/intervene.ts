import { liveStates } from './live.ts';
import type { Place, RetriedJob } from '../../../domain/jobs/ports.ts';
import type { AttemptRef } from '../../../domain/output/ports.ts';
import type { CancelWish } from '../../../contract/cancel.ts';
import { decideMoves, endedStates, isEnded, type JobState, statesBefore } from '../../../contract/states.ts';
import type { Database, Queryable } from '../database.ts';
import { removeChunks } from '../output-store.ts';
import { Conditions } from './conditions.ts';
import { settleDependants } from './settle.ts';

interface Cancelled {
  id: number;
  state: JobState;
  workerId: string | null;
}

/**
 * Cancels what waits at once, and asks for the end of what runs: a running job is cancelled by its worker, which
 * learns of the wish by a call and, should that be lost, by its next beat. Rows are locked in order of id.
 */
const cancelStatement = {
  name: 'cancel-jobs',
  text: `
with chosen as materialized (
  select id, state, cancel_requested_at from jobs
  where id = any($1::bigint[]) and state in ${liveStates}
  order by id for update
),
cancelled as (
  update jobs j set state = 'cancelled', ended_at = now(), message = 'Cancelled by ' || $2 || coalesce(': ' || $3, ''), blocked_by = null,
    cancel_requested_at = now(), cancel_requested_by = $2, cancel_reason = $3
  from chosen c where j.id = c.id and c.state <> 'running'
  returning j.id, j.state
),
requested as (
  update jobs j set cancel_requested_at = now(), cancel_requested_by = $2, cancel_reason = $3, cancel_grace_ms = $4
  from chosen c where j.id = c.id and c.state = 'running' and c.cancel_requested_at is null
  returning j.id
),
found_by as (
  insert into job_words_due (job_id) select id from cancelled order by id on conflict do nothing
),
history as (
  insert into events (job_id, actor, name, data)
  select id, $2, 'cancelled', json_strip_nulls(json_build_object('message', $3::text)) from cancelled
  union all select id, $2, 'cancel requested', json_strip_nulls(json_build_object('reason', $3::text, 'graceSeconds', $4::bigint / 1000.0)) from requested
)
select c.id, coalesce(d.state, c.state) as state, a.worker_id as "workerId"
from chosen c left join cancelled d on d.id = c.id
left join attempts a on a.job_id = c.id and a.state = 'running'
order by c.id`,
};

export function cancelJobs(
  db: Queryable,
  ids: readonly number[],
  actor: string,
  { reason, graceSeconds }: CancelWish = {},
): Promise<Cancelled[]> {
  const graceMs = graceSeconds === undefined ? null : Math.round(graceSeconds * 1_000);
  return db.query<Cancelled>(cancelStatement, [ids, actor, reason ?? null, graceMs]);
}

/**
 * A person's retry grants one more try, whatever the policy's number of attempts says. Its place is known already; it is
 * written for a drain that begins (queue-drain.ts).
 */
const retryStatement = `
with moved as (
  update jobs set
    state = case when exists (
      select from job_dependencies d join jobs b on b.id = d.on_job_id
      where d.job_id = jobs.id and b.state <> 'succeeded' and (d.must_succeed or b.state <> all($4::text[]))
    ) then 'waiting' else 'queued' end,
    reason = null, message = null, verdict = null, verdict_tone = null, own_verdict = null, own_verdict_tone = null, family = null, ended_at = null,
    run_at = null, cancel_requested_at = null, cancel_requested_by = null, cancel_reason = null, cancel_grace_ms = null, progress = null
  where id = $1 and state = any($3::text[])
    and exists (select from queues q where q.name = jobs.queue and q.drain_total is null)
  returning id, queue, needs, state
), needs as (
  insert into queue_needs (queue, needs) select queue, needs from moved on conflict do nothing
), history as (
  insert into events (job_id, actor, name) select id, $2, 'retried' from moved
), found_by as (
  -- The message of the last try is gone.
  insert into job_words_due (job_id) select id from moved on conflict do nothing
)
select queue, needs, state from moved`;

/** What would have been retried but for its queue. */
const drainingStatement = `
select from jobs j join queues q on q.name = j.queue and q.drain_total is not null where j.id = $1 and j.state = any($2::text[])`;

export async function retryJob(
  db: Queryable,
  id: number,
  actor: string,
): Promise<RetriedJob | 'queue_draining' | null> {
  const from = statesBefore(decideMoves, 'queued').filter(isEnded);
  const [moved] = await db.query<Place & { state: RetriedJob['state'] }>(retryStatement, [
    id,
    actor,
    from,
    endedStates,
  ]);
  if (moved) return { state: moved.state, place: { queue: moved.queue, needs: moved.needs } };
  return (await db.query(drainingStatement, [id, from])).length > 0 ? 'queue_draining' : null;
}

/** Only what ended can go; its output goes with it. */
export function removeJob(db: Database, id: number): Promise<boolean> {
  return db.transaction((tx) => removeJobIn(tx, id, new Conditions()));
}

/** The same in a transaction of somebody else's. @param conditions on the job `j`; the job stays unless they hold */
export async function removeJobIn(tx: Queryable, id: number, conditions: Conditions): Promise<boolean> {
  const attempts = await tx.query<AttemptRef>(
    `select job_id as "jobId", number, claimed_at as "claimedAt" from attempts where job_id = $1`,
    [id],
  );
  // Its dependants must have learned of its end before the rows that name it go with it.
  await settleDependants(tx, { of: [id], limit: 100_000 });
  conditions.add(`j.id = ? and j.state in ('succeeded', 'failed', 'cancelled', 'finished')`, id);
  const removed = await tx.query(
    `delete from jobs j where ${conditions.text} returning j.id`,
    conditions.values,
  );
  if (removed.length === 0) return false;
  for (const attempt of attempts) await removeChunks(tx, attempt);
  return true;
}
