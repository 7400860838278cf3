import type { AttemptKey } from '../../../contract/attempt.ts';
import type { NearLimit } from '../../../domain/jobs/ports.ts';
import type { Queryable } from '../database.ts';

/**
 * An event and a tag, once for each attempt and limit. The row of the attempt is locked first, so two who tell the same
 * (a worker and its next life) take turns, and the second finds the event of the first.
 */
const statement = {
  name: 'near-limit',
  text: `
with mine as materialized (
  select job_id, number, worker_name from running where job_id = $1 and number = $2 and token = $3 for update
),
fresh as materialized (
  select m.* from mine m where not exists (
    select from events e where e.job_id = m.job_id and e.name = 'limit near'
      and (e.data ->> 'attempt')::integer = m.number and e.data ->> 'limit' = $4
  )
),
history as (
  insert into events (job_id, at, actor, name, data)
  select job_id, $7, 'worker:' || worker_name, 'limit near',
    json_build_object('attempt', number, 'limit', $4::text, 'value', $5::float8, 'max', $6::float8)
  from fresh
),
tagged as (
  update jobs job set tags = job.tags || ('near-limit:' || $4) from fresh f
  where job.id = f.job_id and not (('near-limit:' || $4) = any(job.tags))
  returning job.id
)
insert into job_words_due (job_id) select id from tagged on conflict do nothing`,
};

export async function nearLimit(db: Queryable, attempt: AttemptKey, hit: NearLimit): Promise<void> {
  const { jobId, number, token } = attempt;
  await db.query(statement, [jobId, number, token, hit.limit, hit.value, hit.max, new Date(hit.at)]);
}
