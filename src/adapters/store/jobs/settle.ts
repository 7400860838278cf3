import type { SettledJobs } from '../../../domain/jobs/ports.ts';
import type { Queryable, Statement } from '../database.ts';

/**
 * Decides about jobs that wait for others: those whose jobs have all ended go on, to their queue or to their time;
 * those that need the success of a job that ended otherwise can never run and fail as `rejected`, whatever else they
 * wait for.
 *
 * Called after the commit of whatever ended a job, and of a submit that names one. Those two may just miss each other,
 * and a process may die in between: the housekeeper's regular look at all of them finds what is left. Rows are locked
 * in order of id and asked once more for their state, so two callers at once decide each job once.
 */
const settleStatement: Statement = {
  name: 'settle-dependants',
  text: `
with candidates as materialized (
  select q.job_id from queued q
  where q.state = 'waiting' and q.blocked_by is null
    and ($1::bigint[] is null or q.job_id in (select d.job_id from job_dependencies d where d.on_job_id = any($1)))
    and (
      not exists (
        select from job_dependencies d
        where d.job_id = q.job_id and not exists (select from ends b where b.job_id = d.on_job_id and b.state <> 'unknown')
      )
      or exists (
        select from job_dependencies d join ends b on b.job_id = d.on_job_id
        where d.job_id = q.job_id and d.must_succeed and b.state not in ('unknown', 'succeeded')
      )
    )
  order by q.job_id limit $2
  for update of q
),
verdicts as materialized (
  select c.job_id, (
    select format('It was to run after job %s had succeeded, which %s.', b.job_id,
      case b.state when 'failed' then 'failed' when 'cancelled' then 'was cancelled' else 'ended in a way nobody knows' end)
    from job_dependencies d join ends b on b.job_id = d.on_job_id
    where d.job_id = c.job_id and d.must_succeed and b.state not in ('unknown', 'succeeded')
    order by b.job_id limit 1
  ) as obstacle
  from candidates c
),
freed as (
  update queued q set state = case when q.run_at > now() then 'scheduled' else 'queued' end
  from verdicts v
  where q.job_id = v.job_id and v.obstacle is null and q.state = 'waiting' and q.blocked_by is null
  returning q.job_id, q.state, q.place
),
gone as (
  delete from queued q using verdicts v
  where q.job_id = v.job_id and v.obstacle is not null and q.state = 'waiting' and q.blocked_by is null
  returning q.*, v.obstacle
),
ended as (
  insert into ends (job_id, submitted_at, owner, place, state, reason, message, attempt, released, run_at, started_at, ended_at)
  select job_id, submitted_at, owner, place, 'failed', 'rejected', obstacle, attempt, released, run_at, started_at, now() from gone
),
found_by as (
  insert into job_words_due (job_id) select job_id from gone order by job_id on conflict do nothing
),
history as (
  insert into events (job_id, actor, name, data)
  select job_id, 'system:dependencies', state, '{}'::json from freed
  union all
  select job_id, 'system:dependencies', 'failed', json_build_object('reason', 'rejected', 'message', obstacle) from gone
)
select f.job_id as id, f.state, p.queue, p.needs from freed f join places p on p.id = f.place
union all
select job_id, 'failed', null, null from gone`,
};

interface SettledRow {
  id: number;
  state: 'queued' | 'scheduled' | 'failed';
  /** Where it can be taken. */
  queue: string | null;
  needs: string[] | null;
}

/** A chain of jobs that reject each other is followed this far at once; the next sweep goes on. */
const maxRounds = 100;

/**
 * @param options.of only dependants of these jobs; null looks at all
 * @param options.rounds 1: dependants of those that are rejected are left to the next look
 */
export async function settleDependants(
  db: Queryable,
  { of, limit, rounds = maxRounds }: { of: readonly number[] | null; limit: number; rounds?: number },
): Promise<SettledJobs> {
  const settled: SettledJobs = { places: [], rejected: [] };
  let ended = of;
  for (let round = 0; round < rounds; round += 1) {
    const rows = await db.query<SettledRow>(settleStatement, [ended, limit]);
    settled.places.push(
      ...rows.flatMap(({ state, queue, needs }) =>
        state === 'queued' && queue !== null && needs ? [{ queue, needs }] : [],
      ),
    );
    ended = rows.flatMap(({ id, state }) => (state === 'failed' ? [id] : []));
    settled.rejected.push(...ended);
    if (ended.length === 0) break;
  }
  return settled;
}
