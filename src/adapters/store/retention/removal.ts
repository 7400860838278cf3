import { toEventData } from '../../../contract/events.ts';
import type { RetentionTerms } from '../../../contract/retention.ts';
import type { OpenRun, RemovedBytes } from '../../../domain/retention/ports.ts';
import type { AttemptRef, MarkGap } from '../../../domain/output/ports.ts';
import type { Database, Queryable } from '../database.ts';
import { removeJobIn } from '../jobs/intervene.ts';
import { Conditions } from '../jobs/conditions.ts';
import { createAttemptOutput, removeChunks } from '../output-store.ts';

interface Removal {
  jobId: number;
  run: OpenRun;
  now: Date;
  markGap: MarkGap;
}

/**
 * The base run of a kept job is kept with it: without what it was compared with, what people concluded of it cannot be
 * understood any more. One step only; a chain of base runs is kept by keeping its links.
 */
const isProtected = `exists (select from base_runs b join jobs k on k.id = b.job_id where b.base_job_id = job.id and k.keep)`;

/**
 * All that lets a rule take hold of `job` with its end `e`. Asked after the row of the job is locked: whoever sets
 * *keep* at the same moment holds that row, so we wait and then look at what it has become. A retry does the same. The rule
 * is asked, too, by its version: one that was switched off or changed removes nothing from then on.
 */
function addGuard(conditions: Conditions, { run: { rule }, now }: Removal): Conditions {
  return conditions.add(
    `not job.keep and e.ended_at is not null and not ${isProtected} and exists (
      select from retention_rules r
      where r.id = ? and r.version = ? and r.is_enabled and r.effective_from <= least(now(), ?::timestamptz)
        and e.ended_at < least(now(), ?::timestamptz) - r.older_than_days * interval '24 hours'
    )`,
    rule.id,
    rule.version,
    now,
    now,
  );
}

/** One job, in a transaction of its own, counted for the run in the same one. Null: it stays. */
export function removeByRule(db: Database, removal: Removal): Promise<RemovedBytes | null> {
  return db.transaction(async (tx) => {
    const removed = await remove(tx, removal);
    if (removed === null) return null;
    await tx.query(
      'update retention_runs set jobs = jobs + 1, output_bytes = output_bytes + $2, file_bytes = file_bytes + $3 where id = $1',
      [removal.run.id, removed.outputBytes, removed.fileBytes],
    );
    return removed;
  });
}

async function remove(tx: Queryable, removal: Removal): Promise<RemovedBytes | null> {
  switch (removal.run.rule.removes) {
    case 'job':
      return removeWhole(tx, removal);
    case 'output':
      return (await takeHold(tx, removal)) ? removeOutput(tx, removal) : null;
    case 'files':
      return (await takeHold(tx, removal)) ? removeFiles(tx, removal) : null;
  }
}

async function removeWhole(tx: Queryable, removal: Removal): Promise<RemovedBytes | null> {
  const { outputBytes, fileBytes } = await weighJobs(tx, [removal.jobId], 'job');
  const isGone = await removeJobIn(tx, removal.jobId, addGuard(new Conditions(), removal));
  return isGone ? { outputBytes, fileBytes } : null;
}

async function takeHold(tx: Queryable, removal: Removal): Promise<boolean> {
  await tx.query('select from jobs where id = $1 for update', [removal.jobId]);
  const conditions = addGuard(new Conditions().add('job.id = ?', removal.jobId), removal);
  const held = await tx.query(
    `select from jobs job join ends e on e.job_id = job.id where ${conditions.text}`,
    conditions.values,
  );
  return held.length > 0;
}

/** Their bytes go with the last job that names them: a trigger sees to that. */
async function removeFiles(tx: Queryable, { jobId, run }: Removal): Promise<RemovedBytes | null> {
  const { fileBytes } = await weighJobs(tx, [jobId], 'files');
  const gone = await tx.query('delete from artifacts where job_id = $1 returning id', [jobId]);
  if (gone.length === 0) return null;
  await tx.query(
    `insert into events (job_id, actor, name, data) values ($1, 'system:retention', 'files removed', $2)`,
    [jobId, toEventData('files removed', { rule: run.rule.name, count: gone.length, bytes: fileBytes })],
  );
  return { outputBytes: 0, fileBytes };
}

async function removeOutput(
  tx: Queryable,
  { jobId, run, now, markGap }: Removal,
): Promise<RemovedBytes | null> {
  const attempts = await tx.query<AttemptRef & { outputBytes: number }>(
    `update attempts set output_removed_at = now(), output_removed_by = $2
     where job_id = $1 and output_removed_at is null and stdout_bytes + stderr_bytes > 0
     returning job_id as "jobId", number, claimed_at as "claimedAt", stdout_bytes + stderr_bytes as "outputBytes"`,
    [jobId, run.rule.name],
  );
  if (attempts.length === 0) return null;
  const reason = `removed by retention rule "${run.rule.name}" on ${now.toISOString().slice(0, 10)}`;
  for (const attempt of attempts) {
    await removeChunks(tx, attempt);
    await markGap(createAttemptOutput(tx), attempt, { reason, at: now });
  }
  const outputBytes = attempts.reduce((sum, attempt) => sum + attempt.outputBytes, 0);
  await tx.query(
    `insert into events (job_id, actor, name, data) values ($1, 'system:retention', 'output removed', $2)`,
    [jobId, toEventData('output removed', { rule: run.rule.name, bytes: outputBytes })],
  );
  return { outputBytes, fileBytes: 0 };
}

/** What there is still to remove of jobs, and which of them are base runs of kept ones. */
export async function weighJobs(
  db: Queryable,
  jobIds: readonly number[],
  removes: RetentionTerms['removes'],
): Promise<RemovedBytes & { protectedIds: number[] }> {
  const [row] = await db.query<RemovedBytes & { protectedIds: number[] }>(
    `with kept as materialized (select job.id from jobs job where job.id = any($1::bigint[]) and ${isProtected}),
     going as materialized (select id from unnest($1::bigint[]) id where id not in (select id from kept))
     select coalesce((
         select sum(a.stdout_bytes + a.stderr_bytes) from going g join attempts a on a.job_id = g.id
         where $2 <> 'files' and a.output_removed_at is null
       ), 0) as "outputBytes",
       coalesce((
         select sum(f.size_bytes) from stored_files f
         where $2 <> 'output' and f.id in (select a.file_id from going g join artifacts a on a.job_id = g.id)
           and not exists (select from artifacts o where o.file_id = f.id and o.job_id not in (select id from going))
       ), 0) as "fileBytes",
       coalesce((select json_agg(id) from kept), '[]') as "protectedIds"`,
    [jobIds, removes],
  );
  return row ?? { outputBytes: 0, fileBytes: 0, protectedIds: [] };
}
