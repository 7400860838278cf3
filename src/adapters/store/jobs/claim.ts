import type { ClaimedJob, ClaimRequest } from '../../../domain/jobs/ports.ts';
import type { Queryable, Statement } from '../database.ts';
import { selected } from './selected.ts';

/**
 * Steps of a statement that take the best eligible jobs: out of `queued`, into `running`.
 *
 * A job cannot be claimed twice: its row of `queued` is locked by `for update skip locked` and deleted in the same
 * statement, and the primary key of `running` would refuse a second attempt in any case. Rows are deleted by job id:
 * after a wait a lock may name a version of the row that the snapshot does not see, so by place of the row it would be
 * missed. Whatever counts is counted from what the delete returned, never from the candidates.
 *
 * Lanes: the rows of the lanes wanted are locked in order of key (so that two claims never wait on each other), then
 * each candidate takes a place in every lane it lists or, where one is full, goes to `waiting` outside the claim's
 * index. A candidate refused by one lane still counts in the others of this round, so a lane may be filled less than
 * it could; the sweep brings such jobs back. It is never filled more. With no rows in `lanes` none of this costs.
 *
 * Each place is walked on its own through `queued_claim`, so jobs in a paused queue or with labels that nobody here
 * offers are never looked at.
 * @param first number of the first of six parameters, see `toClaimParameters`
 * @param unless SQL; where it is true nothing is taken
 */
export function claimSteps({ first, unless = 'false' }: { first: number; unless?: string }): string {
  const [worker, incarnation, queues, labels, kinds, limit] = Array.from(
    { length: 6 },
    (_, index) => `$${first + index}`,
  );
  return `
places_here as materialized (
  select p.id
  from places p join queues q on q.name = p.queue
  where not (${unless}) and (p.queue = any(${queues}::text[]) or '*' = any(${queues}::text[])) and not q.paused and p.needs <@ ${labels}::text[]
),
candidates as materialized (
  select found.* from places_here p cross join lateral (
    select q.job_id, q.priority, q.lanes from queued q
    where q.state = 'queued' and q.place = p.id and q.kind = any(${kinds}::text[])
    order by q.priority desc, q.job_id
    limit ${limit}
    for update skip locked
  ) found
  order by found.priority desc, found.job_id
  limit ${limit}
),
wanted as materialized (
  select c.job_id, c.priority, l.key
  from candidates c cross join lateral unnest(c.lanes) w (key)
  cross join lateral (select key from lanes where key = w.key offset 0) l
  where exists (select from lanes)
),
locked as materialized (
  select key, capacity - taken as free from lanes where key = any(array(select key from wanted)) order by key for update
),
ranked as materialized (
  select w.job_id, w.key, l.free, row_number() over (partition by w.key order by w.priority desc, w.job_id) as rank
  from wanted w join locked l using (key)
),
blocked as materialized (
  select job_id, min(key) as key from ranked where rank > free group by job_id
),
set_aside as (
  update queued q set state = 'waiting', blocked_by = b.key from blocked b
  where q.job_id = any(array(select job_id from blocked)) and q.job_id = b.job_id
  returning q.job_id, b.key
),
worker as materialized (
  select id, name from workers where id = ${worker}
),
granted as (
  delete from queued q using worker w
  where q.job_id = any(array(
    select c.job_id from candidates c where not exists (select from blocked b where b.job_id = c.job_id)
  ))
  returning q.job_id, q.attempt + 1 as number, q.released, q.place, q.priority, q.kind, q.run_at, q.submitted_at, q.owner,
    gen_random_uuid() as token, w.id as worker_id, w.name as worker_name,
    coalesce((select array_agg(r.key) from ranked r where r.job_id = q.job_id), '{}') as lanes
),
begun as (
  insert into running (job_id, number, token, runs_by, worker_id, worker_name, incarnation, kind, lanes, released, run_at, place,
    submitted_at, owner)
  select job_id, number, token, 'slot', worker_id, worker_name, ${incarnation}, kind, lanes, released, run_at, place, submitted_at, owner
  from granted
),
taken as materialized (
  select key, count(*) as n from granted cross join lateral unnest(lanes) l (key) where lanes <> '{}' group by key
),
filled as (
  update lanes l set taken = l.taken + t.n from taken t
  where l.key = any(array(select key from taken)) and l.key = t.key
),
claim_history as (
  insert into events (job_id, actor, name, data)
  select job_id, 'worker:' || worker_name, 'claimed', json_build_object('attempt', number) from granted
  union all
  select job_id, 'system:lanes', 'waiting', json_build_object('lane', key) from set_aside
)`;
}

/** All that a worker needs to run a job that was granted. */
export const claimedColumns = {
  jobId: 'g.job_id',
  number: 'g.number',
  token: 'g.token',
  uid: 'job.uid',
  kind: 'g.kind',
  name: 'job.name',
  owner: 'g.owner',
  ownerId: 'job.owner_id',
  tries: '(g.number - g.released)::int',
  claimedAt: 'now()',
  waitedMs: '(extract(epoch from now() - greatest(g.submitted_at, g.run_at)) * 1000)::float8',
  input: 'i.input',
  retry: 'i.retry',
  timeoutMs: 'i.timeout_ms',
  run: 'i.run',
  scriptSha256: `encode(i.script_sha256, 'hex')`,
  isLimited: `g.lanes <> '{}'`,
} as const satisfies Record<keyof ClaimedJob, string>;

export const grantedJobs = `granted g
cross join lateral (select uid, name, owner_id from jobs where id = g.job_id offset 0) job
cross join lateral (select * from job_inputs where job_id = g.job_id offset 0) i`;

const claimStatement: Statement = {
  name: 'claim-jobs',
  isByKey: true,
  text: `
with ${claimSteps({ first: 1 })}
select ${selected(claimedColumns)} from ${grantedJobs} order by g.priority desc, g.job_id`,
};

export function claimJobs(db: Queryable, request: ClaimRequest): Promise<ClaimedJob[]> {
  return db.query<ClaimedJob>(claimStatement, toClaimParameters(request));
}

export function toClaimParameters(request: ClaimRequest): unknown[] {
  const { workerId, incarnation, queues, labels, kinds, limit } = request;
  return [workerId, incarnation, queues, labels, kinds, limit];
}
