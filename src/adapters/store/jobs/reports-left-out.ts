import type { AttemptKey } from '../../../contract/attempt.ts';
import type { ReportsLeftOut } from '../../../domain/jobs/ports.ts';
import type { Queryable } from '../database.ts';

/** An event, once for each attempt: its row is locked, so a worker and its next life take turns. */
const statement = {
  name: 'reports-left-out',
  text: `
with mine as materialized (
  select job_id, number, worker_name from running where job_id = $1 and number = $2 and token = $3 for update
)
insert into events (job_id, actor, name, data)
select m.job_id, 'worker:' || m.worker_name, 'reports left out',
  json_build_object('attempt', m.number, 'members', $4::int, 'series', $5::int)
from mine m where not exists (
  select from events e where e.job_id = m.job_id and e.name = 'reports left out'
    and (e.data ->> 'attempt')::integer = m.number
)`,
};

export async function reportsLeftOut(
  db: Queryable,
  { jobId, number, token }: AttemptKey,
  { members, series }: ReportsLeftOut,
): Promise<void> {
  await db.query(statement, [jobId, number, token, members, series]);
}
