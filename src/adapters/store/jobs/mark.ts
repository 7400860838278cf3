import { attemptName, type AttemptId, type AttemptKey } from '../../../contract/attempt.ts';
import type { Start } from '../../../domain/jobs/ports.ts';
import type { Queryable } from '../database.ts';
import { capsulesStep, toCapsuleRow } from './keep-capsules.ts';

/** Rows are taken in order of job id, as whoever ends attempts takes them. */
const startsStatement = {
  name: 'record-starts',
  text: `
with incoming as materialized (
  select * from json_to_recordset($1::json) as i (
    "jobId" bigint, number integer, token uuid, "launchedAt" timestamptz, program jsonb, "freeBeforeKib" bigint,
    "scriptSha256" text, facts json
  )
  -- Always true: see the end of attempts.
  where number = number + 0
),
mine as materialized (
  select i.* from incoming i cross join lateral (
    select from attempts a
    where a.job_id = i."jobId" and a.number = i.number and a.token = i.token and a.state = 'running'
    for update
  ) a
),${capsulesStep}
update attempts a set launched_at = i."launchedAt", program = i.program, free_before_kib = i."freeBeforeKib"
from mine i where a.job_id = i."jobId" and a.number = i.number
returning a.job_id as "jobId", a.number`,
};

const progressStatement = {
  name: 'set-progress',
  text: `
update jobs j set progress = i.progress
from json_to_recordset($1::json) as i ("jobId" bigint, number integer, progress jsonb)
where j.id = i."jobId" and j.attempt = i.number and j.state = 'running'`,
};

/** False for an attempt that runs no more. */
export async function recordStarts(db: Queryable, batch: readonly Start[]): Promise<boolean[]> {
  const rows = batch.map(({ capsule, ...start }) => ({ ...start, ...(capsule && toCapsuleRow(capsule)) }));
  const inOrder = rows.toSorted((a, b) => a.jobId - b.jobId);
  const recorded = await db.query<AttemptId>(startsStatement, [JSON.stringify(inOrder)]);
  const names = new Set(recorded.map(attemptName));
  return batch.map((start) => names.has(attemptName(start)));
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
