import type { AttemptKey } from '../../../contract/attempt.ts';
import type { Start } from '../../../domain/jobs/ports.ts';
import type { Queryable, Statement } from '../database.ts';
import { capsulesStep, toCapsuleRow } from './keep-capsules.ts';

/** Rows are taken in order of job id, as whoever ends attempts takes them. */
const startsStatement: Statement = {
  name: 'record-starts',
  isByKey: true,
  text: `
with mine as materialized (
  select r.job_id, r.number, i.* from json_to_recordset($1::json) as i (
    "jobId" bigint, token uuid, "launchedAt" timestamptz, program jsonb, "freeBeforeKib" bigint, "scriptSha256" text, capsule json
  )
  cross join lateral (
    select job_id, number from running r where r.job_id = i."jobId" and r.token = i.token for update
  ) r
),${capsulesStep('mine')}
update running r set launched_at = m."launchedAt", program = m.program, free_before_kib = m."freeBeforeKib"
from mine m where r.job_id = any(array(select job_id from mine)) and r.job_id = m.job_id
returning r.token`,
};

/** In the same order. */
const progressStatement: Statement = {
  name: 'set-progress',
  isByKey: true,
  text: `
with mine as materialized (
  select r.job_id, i.progress from json_to_recordset($1::json) as i ("jobId" bigint, token uuid, progress jsonb)
  cross join lateral (
    select job_id from running r where r.job_id = i."jobId" and r.token = i.token for update
  ) r
)
update running r set progress = m.progress from mine m
where r.job_id = any(array(select job_id from mine)) and r.job_id = m.job_id`,
};

/** False for an attempt that runs no more. */
export async function recordStarts(db: Queryable, batch: readonly Start[]): Promise<boolean[]> {
  const rows = batch.map(({ capsule, ...start }) => ({ ...start, ...(capsule && toCapsuleRow(capsule)) }));
  const recorded = await db.query<{ token: string }>(startsStatement, [JSON.stringify(inOrder(rows))]);
  const tokens = new Set(recorded.map(({ token }) => token));
  return batch.map(({ token }) => tokens.has(token));
}

export async function setProgress(
  db: Queryable,
  batch: readonly (AttemptKey & { progress: unknown })[],
): Promise<void> {
  await db.query(progressStatement, [JSON.stringify(inOrder(batch))]);
}

function inOrder<Of extends { jobId: number }>(batch: readonly Of[]): Of[] {
  return batch.toSorted((a, b) => a.jobId - b.jobId);
}

const baseRunStatement = {
  name: 'set-base-run',
  text: `
insert into base_runs (job_id, base_job_id)
select r.job_id, b.id from running r join jobs b on b.id = $3
where r.job_id = $1 and r.token = $2 and b.id <> r.job_id and not exists (select from base_runs o where o.job_id = r.job_id)
on conflict do nothing`,
};

export async function setBaseRun(
  db: Queryable,
  { jobId, token }: AttemptKey,
  baseJobId: number,
): Promise<void> {
  await db.query(baseRunStatement, [jobId, token, baseJobId]);
}
