import type { SettledJobs } from '../../../domain/jobs/ports.ts';
import { endedStates } from '../../../contract/states.ts';
import type { Queryable } from '../database.ts';

/**
 * Decides about jobs that wait for others: those whose jobs have all ended go on, to their queue or to their time;
 * those that need the success of a job that ended otherwise can never run and fail as `rejected`, whatever else they
 * wait for.
 *
 * Called after the commit of whatever ended a job, and of a submit that names one. Those two may just miss each other,
 * and a process may die in between: the housekeeper's regular look at all of them finds what is left. Rows are locked
 * in order of id and asked once more for their state, so two callers at once decide each job once.
 */
const settleStatement = {
  name: 'settle-dependants',
  text: `
with candidates as materialized (
  select j.id from jobs j
  where j.state = 'waiting' and j.blocked_by is null
    and ($1::bigint[] is null or j.id in (select d.job_id from job_dependencies d where d.on_job_id = any($1)))
    and (
      not exists (
        select from job_dependencies d join jobs b on b.id = d.on_job_id
        where d.job_id = j.id and b.state <> all($2::text[])
      )
      or exists (
        select from job_dependencies d join jobs b on b.id = d.on_job_id
        where d.job_id = j.id and d.must_succeed and b.state = any($2::text[]) and b.state <> 'succeeded'
      )
    )
  order by j.id limit $3
  for update of j
),
verdicts as materialized (
  select c.id, (
    select format('It was to run after job %s had succeeded, which %s.', b.id,
      case b.state when 'failed' then 'failed' when 'cancelled' then 'was cancelled' else 'ended in a way nobody knows' end)
    from job_dependencies d join jobs b on b.id = d.on_job_id
    where d.job_id = c.id and d.must_succeed and b.state <> 'succeeded' and b.state = any($2::text[])
    order by b.id limit 1
  ) as obstacle
  from candidates c
),
moved as (
  update jobs j set
    state = case when v.obstacle is not null then 'failed' when j.run_at > now() then 'scheduled' else 'queued' end,
    reason = case when v.obstacle is not null then 'rejected' end,
    message = v.obstacle,
    ended_at = case when v.obstacle is not null then now() end
  from verdicts v
  where j.id = v.id and j.state = 'waiting' and j.blocked_by is null
  returning j.id, j.state, j.queue, j.needs, j.message
),
found_by as (
  insert into job_words_due (job_id) select id from moved where message is not null order by id on conflict do nothing
),
history as (
  insert into events (job_id, actor, name, data)
  select id, 'system:dependencies', state, json_strip_nulls(json_build_object(
    'reason', case when state = 'failed' then 'rejected' end, 'message', message))
  from moved
)
select id, state, queue, needs from moved`,
};

interface SettledRow {
  id: number;
  state: 'queued' | 'scheduled' | 'failed';
  queue: string;
  needs: string[];
}

/** A chain of jobs that reject each other is followed this far at once; the next sweep goes on. */
const maxRounds = 100;

/** @param options.of only dependants of these jobs; null looks at all */
export async function settleDependants(
  db: Queryable,
  { of, limit }: { of: readonly number[] | null; limit: number },
): Promise<SettledJobs> {
  const settled: SettledJobs = { places: [], rejected: [] };
  let ended = of;
  for (let round = 0; round < maxRounds; round += 1) {
    const rows = await db.query<SettledRow>(settleStatement, [ended, endedStates, limit]);
    settled.places.push(
      ...rows.flatMap(({ state, queue, needs }) => (state === 'queued' ? [{ queue, needs }] : [])),
    );
    ended = rows.flatMap(({ id, state }) => (state === 'failed' ? [id] : []));
    settled.rejected.push(...ended);
    if (ended.length === 0) break;
  }
  return settled;
}
