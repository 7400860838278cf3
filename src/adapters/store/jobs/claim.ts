import type { ClaimedJob, ClaimRequest } from '../../../domain/jobs/ports.ts';
import type { Queryable } from '../database.ts';

/**
 * Takes the best eligible jobs in one statement.
 *
 * A job cannot be claimed twice: its row is locked by `for update skip locked` under the condition `state = 'queued'`
 * and leaves that state in the same statement; the partial unique index `attempts_one_running` would refuse a second
 * running attempt in any case.
 *
 * Lanes: the rows of the lanes wanted are locked in order of key (so that two claims never wait on each other), then
 * each candidate takes a place in every lane it lists or, where one is full, goes to `waiting` outside the claim's
 * index. A candidate refused by one lane still counts in the others of this round, so a lane may be filled less than
 * it could; the sweep brings such jobs back. It is never filled more. With no rows in `lanes` none of this costs.
 *
 * Each place (queue and needed labels) is walked on its own through `jobs_claim`, so jobs in a paused queue or with
 * labels that nobody here offers are never looked at.
 */
const claimStatement = {
  name: 'claim-jobs',
  text: `
with places as materialized (
  select n.queue, n.needs
  from queue_needs n join queues q on q.name = n.queue
  where (n.queue = any($3::text[]) or '*' = any($3::text[])) and not q.paused and n.needs <@ $4::text[]
),
candidates as materialized (
  select found.* from places p cross join lateral (
    select j.id, j.priority, j.lanes from jobs j
    where j.state = 'queued' and j.queue = p.queue and j.needs = p.needs and j.kind = any($5::text[])
    order by j.priority desc, j.id
    limit $6
    for update skip locked
  ) found
  order by found.priority desc, found.id
  limit $6
),
wanted as materialized (
  select c.id, c.priority, l.key
  from candidates c cross join lateral unnest(c.lanes) w (key) join lanes l on l.key = w.key
),
locked as materialized (
  select key, capacity - taken as free from lanes where key in (select key from wanted) order by key for update
),
ranked as materialized (
  select w.id, w.key, l.free, row_number() over (partition by w.key order by w.priority desc, w.id) as rank
  from wanted w join locked l using (key)
),
blocked as materialized (
  select id, min(key) as key from ranked where rank > free group by id
),
filled as (
  update lanes l set taken = l.taken + g.n
  from (
    select r.key, count(*) as n from ranked r where not exists (select from blocked b where b.id = r.id) group by r.key
  ) g
  where l.key = g.key
),
set_aside as (
  update jobs j set state = 'waiting', blocked_by = b.key from blocked b where j.id = b.id returning j.id, b.key
),
worker as materialized (
  select id, name from workers where id = $1
),
-- Carries along all that is said of a job below: a join of what one step returned with what another did compares every
-- row with every other, because nothing is known of their number when the statement is planned.
granted as (
  update jobs j set state = 'running', attempt = j.attempt + 1, started_at = now(), blocked_by = null, progress = null
  from candidates c, worker w
  where j.id = c.id and not exists (select from blocked b where b.id = c.id)
  returning j.id, j.attempt, gen_random_uuid() as token, w.id as worker_id, w.name as worker_name, j.uid, j.kind, j.name,
    j.owner, j.owner_id, j.priority, j.attempt - j.released as tries,
    (extract(epoch from now() - greatest(j.submitted_at, j.run_at)) * 1000)::float8 as waited_ms
),
begun as (
  insert into attempts (job_id, number, token, owner, worker_id, worker_name, incarnation, lanes)
  select g.id, g.attempt, g.token, 'slot', g.worker_id, g.worker_name, $2,
    coalesce((select array_agg(r.key) from ranked r where r.id = g.id), '{}')
  from granted g
),
history as (
  insert into events (job_id, actor, name, data)
  select id, 'worker:' || worker_name, 'claimed', json_build_object('attempt', attempt) from granted
  union all
  select id, 'system:lanes', 'waiting', json_build_object('lane', key) from set_aside
)
select g.id as "jobId", g.attempt as number, g.token, g.uid, g.kind, g.name, g.owner, g.owner_id as "ownerId", g.tries::int as tries,
       now() as "claimedAt", g.waited_ms as "waitedMs", i.input, i.retry, i.timeout_ms as "timeoutMs", i.run,
       encode(i.script_sha256, 'hex') as "scriptSha256", exists (select from ranked r where r.id = g.id) as "isLimited"
from granted g join job_inputs i on i.job_id = g.id
order by g.priority desc, g.id`,
};

export function claimJobs(db: Queryable, request: ClaimRequest): Promise<ClaimedJob[]> {
  return db.query<ClaimedJob>(claimStatement, [
    request.workerId,
    request.incarnation,
    request.queues,
    request.labels,
    request.kinds,
    request.limit,
  ]);
}
