import type { AttemptKey } from '../../../contract/attempt.ts';
import type { Queryable } from '../database.ts';

const launchedStatement = {
  name: 'mark-launched',
  text: `
update attempts a set launched_at = i."launchedAt", program = i.program, free_before_kib = i."freeBeforeKib"
from json_to_recordset($1::json) as i ("jobId" bigint, number integer, token uuid, "launchedAt" timestamptz, program jsonb, "freeBeforeKib" bigint)
where a.job_id = i."jobId" and a.number = i.number and a.token = i.token and a.state = 'running'`,
};

const progressStatement = {
  name: 'set-progress',
  text: `
update jobs j set progress = i.progress
from json_to_recordset($1::json) as i ("jobId" bigint, number integer, progress jsonb)
where j.id = i."jobId" and j.attempt = i.number and j.state = 'running'`,
};

export async function markLaunched(
  db: Queryable,
  batch: readonly (AttemptKey & { launchedAt: string; program: unknown; freeBeforeKib: number | null })[],
): Promise<void> {
  await db.query(launchedStatement, [JSON.stringify(batch)]);
}

export async function setProgress(
  db: Queryable,
  batch: readonly (AttemptKey & { progress: unknown })[],
): Promise<void> {
  await db.query(progressStatement, [JSON.stringify(batch)]);
}

const baseRunStatement = {
  name: 'set-base-run',
  text: `
insert into base_runs (job_id, base_job_id)
select a.job_id, b.id from attempts a join jobs b on b.id = $4
where a.job_id = $1 and a.number = $2 and a.token = $3 and a.state = 'running' and b.id <> a.job_id
  and not exists (select from base_runs r where r.job_id = a.job_id)
on conflict do nothing`,
};

export async function setBaseRun(
  db: Queryable,
  { jobId, number, token }: AttemptKey,
  baseJobId: number,
): Promise<void> {
  await db.query(baseRunStatement, [jobId, number, token, baseJobId]);
}
