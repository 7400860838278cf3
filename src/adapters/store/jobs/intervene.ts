import type { Place, RetriedJob } from '../../../domain/jobs/ports.ts';
import type { AttemptRef } from '../../../domain/output/ports.ts';
import type { CancelWish } from '../../../contract/cancel.ts';
import { decideMoves, isEnded, type JobState, statesBefore } from '../../../contract/states.ts';
import type { Database, Queryable, Statement } from '../database.ts';
import { removeChunks } from '../output-store.ts';
import { Conditions } from './conditions.ts';
import { settleDependants } from './settle.ts';

interface Cancelled {
  id: number;
  state: JobState;
  workerId: string | null;
}

/** Cancels what waits at once. Rows are locked in order of id. */
const cancelQueuedStatement: Statement = {
  name: 'cancel-queued',
  isByKey: true,
  text: `
with gone as (
  delete from queued where job_id = any(array(
    select job_id from queued where job_id = any($1::bigint[]) order by job_id for update
  ))
  returning *
),
ended as (
  insert into ends (job_id, submitted_at, owner, place, state, message, attempt, released, run_at, started_at, ended_at,
    cancel_requested_at, cancel_requested_by, cancel_reason)
  select job_id, submitted_at, owner, place, 'cancelled', 'Cancelled by ' || $2 || coalesce(': ' || $3, ''), attempt, released,
    run_at, started_at, now(), now(), $2, $3
  from gone
),
found_by as (
  insert into job_words_due (job_id) select job_id from gone order by job_id on conflict do nothing
),
history as (
  insert into events (job_id, actor, name, data)
  select job_id, $2, 'cancelled', json_strip_nulls(json_build_object('message', $3::text)) from gone
)
select job_id as id, 'cancelled' as state, null as "workerId" from gone`,
};

/**
 * Asks for the end of what runs: a running job is cancelled by its worker, which learns of the wish by a call and, should
 * that be lost, by its next beat. The first wish counts.
 */
const cancelRunningStatement: Statement = {
  name: 'cancel-running',
  isByKey: true,
  text: `
with chosen as materialized (
  select job_id, worker_id, cancel_requested_at from running where job_id = any($1::bigint[]) order by job_id for update
),
requested as (
  update running r set cancel_requested_at = now(), cancel_requested_by = $2, cancel_reason = $3, cancel_grace_ms = $4
  from chosen c
  where r.job_id = any(array(select job_id from chosen)) and r.job_id = c.job_id and c.cancel_requested_at is null
  returning r.job_id
),
history as (
  insert into events (job_id, actor, name, data)
  select job_id, $2, 'cancel requested', json_strip_nulls(json_build_object('reason', $3::text, 'graceSeconds', $4::bigint / 1000.0))
  from requested
)
select job_id as id, 'running' as state, worker_id as "workerId" from chosen`,
};

const liveStatement: Statement = {
  name: 'still-live',
  isByKey: true,
  text: 'select id from jobs where id = any($1::bigint[]) and not exists (select from ends where job_id = id offset 0)',
};

/**
 * A job may move from one table to the other between two statements, so whoever was found in none and has not ended is
 * looked for again; each look is a transaction of its own, or it would not see the move.
 */
export async function cancelJobs(
  db: Database,
  ids: readonly number[],
  actor: string,
  { reason, graceSeconds }: CancelWish = {},
): Promise<Cancelled[]> {
  const graceMs = graceSeconds === undefined ? null : Math.round(graceSeconds * 1_000);
  const cancelled: Cancelled[] = [];
  const take = (found: readonly Cancelled[]): number[] => {
    cancelled.push(...found);
    const known = new Set(found.map(({ id }) => id));
    return left.filter((id) => !known.has(id));
  };
  let left: readonly number[] = ids;
  while (left.length > 0) {
    left = take(await db.query<Cancelled>(cancelQueuedStatement, [left, actor, reason ?? null]));
    if (left.length === 0) break;
    left = take(await db.query<Cancelled>(cancelRunningStatement, [left, actor, reason ?? null, graceMs]));
    if (left.length === 0) break;
    left = (await db.query<{ id: number }>(liveStatement, [left])).map(({ id }) => id);
  }
  return cancelled.toSorted((a, b) => a.id - b.id);
}

/**
 * A person's retry grants one more try, whatever the policy's number of attempts says. The row of the job is locked first,
 * so that a removal and a retry cannot pass each other. Its place is known already; `places` is written to, without a row,
 * for a drain that begins (queue-drain.ts).
 */
const retryStatement: Statement = {
  name: 'retry-job',
  isByKey: true,
  text: `
with locked as materialized (
  select id, kind, queue, needs, lanes, priority from jobs where id = $1 for no key update
),
allowed as materialized (
  select job.*, p.id as place,
    case when exists (
      select from job_dependencies d
      left join lateral (select state from ends where job_id = d.on_job_id and state <> 'unknown' offset 0) b on true
      where d.job_id = job.id and (b.state is null or (d.must_succeed and b.state <> 'succeeded'))
      offset 0
    ) then 'waiting' else 'queued' end as state
  from locked job join queues q on q.name = job.queue and q.drain_total is null join places p on p.queue = job.queue and p.needs = job.needs
),
mark as (
  insert into places (queue, needs) select queue, needs from allowed where false
),
gone as (
  delete from ends e using allowed a where e.job_id = $1 and e.state = any($3::text[])
  returning e.job_id, e.attempt, e.released, e.submitted_at, e.owner, e.started_at, a.place, a.priority, a.kind, a.lanes, a.queue, a.needs, a.state
),
again as (
  insert into queued (job_id, place, priority, state, attempt, released, kind, lanes, submitted_at, owner, started_at)
  select job_id, place, priority, state, attempt, released, kind, lanes, submitted_at, owner, started_at from gone
),
judged as (
  update jobs set own_verdict = null, own_verdict_tone = null
  where id = any(array(select job_id from gone)) and own_verdict is not null
),
history as (
  insert into events (job_id, actor, name) select job_id, $2, 'retried' from gone
),
-- The message of the last try is gone.
found_by as (
  insert into job_words_due (job_id) select job_id from gone on conflict do nothing
)
select queue, needs, state from gone`,
};

/** What would have been retried but for its queue. */
const drainingStatement = `
select from jobs job join ends e on e.job_id = job.id join queues q on q.name = job.queue and q.drain_total is not null
where job.id = $1 and e.state = any($2::text[])`;

export async function retryJob(
  db: Queryable,
  id: number,
  actor: string,
): Promise<RetriedJob | 'queue_draining' | null> {
  const from = statesBefore(decideMoves, 'queued').filter(isEnded);
  const [moved] = await db.query<Place & { state: RetriedJob['state'] }>(retryStatement, [id, actor, from]);
  if (moved) return { state: moved.state, place: { queue: moved.queue, needs: moved.needs } };
  return (await db.query(drainingStatement, [id, from])).length > 0 ? 'queue_draining' : null;
}

/** Only what ended can go; its output goes with it. */
export function removeJob(db: Database, id: number): Promise<boolean> {
  return db.transaction((tx) => removeJobIn(tx, id, new Conditions()));
}

/**
 * The same in a transaction of somebody else's. The row of the job is locked before anything is asked: a retry, and whoever
 * sets *keep*, holds that row, so this one waits, and its next statement sees what has become of the job.
 * @param conditions on `job` and its end `e`; the job stays unless they hold
 */
export async function removeJobIn(tx: Queryable, id: number, conditions: Conditions): Promise<boolean> {
  if ((await tx.query('select from jobs where id = $1 for update', [id])).length === 0) return false;
  // Its dependants must have learned of its end before the rows that name it go with it; no more can come now. To theirs more
  // can, in transactions that are younger than this one, and the feed would tell of their end before their submit.
  await settleDependants(tx, { of: [id], limit: 100_000, rounds: 1 });
  const attempts = await tx.query<AttemptRef>(
    `select job_id as "jobId", number, claimed_at as "claimedAt" from attempts where job_id = $1`,
    [id],
  );
  conditions.add(`job.id = ? and e.job_id = ? and e.state <> 'unknown'`, id, id);
  const ended = await tx.query(
    `delete from ends e using jobs job where ${conditions.text} returning e.job_id`,
    conditions.values,
  );
  if (ended.length === 0) return false;
  // Jobs that were compared with it, and know it by nothing else.
  await tx.query('delete from base_runs where base_job_id = $1 and foreign_id is null', [id]);
  await tx.query('delete from jobs where id = $1', [id]);
  for (const attempt of attempts) await removeChunks(tx, attempt);
  return true;
}
