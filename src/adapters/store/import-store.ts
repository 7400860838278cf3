import { isEnded } from '../../contract/states.ts';
import { wordsOf, type SearchedRecord } from '../../contract/words.ts';
import type { Actor } from '../../contract/actor.ts';
import type { ImportOptions, ImportStore, NewImport } from '../../domain/elsewhere/import-ports.ts';
import type { Database, Queryable } from './database.ts';
import { indexWords } from './jobs/index-words.ts';
import { createAttemptOutput } from './output-store.ts';

/** Imports run one after the other: of two at once each would add what the other adds. Arbitrary, but ours alone. */
const importLock = 7_301_004;

/** By who they are at their source, or by a uid that a job has already. */
const findStatement = `
select r.ordinal::int - 1 as ordinal, coalesce(s.job_id, job.id) as "jobId"
from unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[], $5::uuid[]) with ordinality
  as r (source, cluster, foreign_id, at, uid, ordinal)
left join source_identities s on s.source = r.source and s.cluster = r.cluster and s.foreign_id = r.foreign_id and s.foreign_submitted_at = r.at
left join jobs job on job.uid = r.uid
where coalesce(s.job_id, job.id) is not null`;

/**
 * Numbers of the source that are free here. Whoever submits meanwhile has a number that no row shows yet, so nobody may:
 * the lock lets those finish and lets no more begin. Then our own numbers go on behind the largest.
 */
const freeNumbersStatement = `
with wanted as (select distinct n from unnest($1::bigint[]) n),
free as (select n from wanted where not exists (select from jobs job where job.id = n)),
moved as materialized (
  select setval('jobs_id_seq', greatest((select last_value from jobs_id_seq), (select max(n) from free)))
  where exists (select from free)
)
select n as number from free left join moved on true`;

const columns = `(
  uid uuid, kind text, name text, state text, reason text, message text, verdict text, "verdictTone" text, owner text,
  project text, tags text[], analysis text, assessment text, "submittedAt" timestamptz, "startedAt" timestamptz,
  "endedAt" timestamptz, input json, info text, summary text, "baseRuns" text[], source text, cluster text, id text,
  host text, "exitCode" integer, signal text, "attemptState" text, "stdoutBytes" bigint, "stderrBytes" bigint,
  words text[], "jobId" bigint, number bigint, "freeBeforeKib" bigint, "freeAfterKib" bigint,
  "errorLine" text, "familyId" text, signature text
)`;

/** A file names people, never accounts: it may come from anywhere. They are the accounts of that name here and now. */
const accountOf = (row: string): string =>
  `(select u.id from users u where lower(u.name) = lower(${row}.owner))`;

const families = `families as (
  insert into failure_families (id, signature, reason)
  select distinct on ("familyId") "familyId", signature, reason from incoming where "familyId" is not null
  order by "familyId"
  on conflict do nothing
)`;

/**
 * Jobs stand where their dates say: `submitted_at` is that of the source. The one attempt is external and has ended.
 * Whether a job is known has been looked up under the lock, so nothing here can meet a row of its own identity.
 */
const insertStatement = `
with incoming as materialized (select * from json_to_recordset($1::json) as r ${columns}),
pairs as materialized (
  select coalesce(number, nextval('jobs_id_seq')) as job_id, i.* from (select * from incoming order by "submittedAt") i
),
stored as (
  insert into jobs (id, uid, kind, name, owner, owner_id, project, tags, analysis, assessment, submitted_at)
  select job_id, uid, kind, name, owner, ${accountOf('pairs')}, project, coalesce(tags, '{}'), analysis, assessment, "submittedAt" from pairs
),
ended as (
  insert into ends (job_id, submitted_at, owner, state, reason, message, verdict, verdict_tone, family, attempt, started_at, ended_at)
  select job_id, "submittedAt", owner, state, reason, message, verdict, "verdictTone", "familyId", 1, "startedAt", "endedAt" from pairs
),
inputs as (
  insert into job_inputs (job_id, input, retry)
  select job_id, coalesce(input, '{}'), '{"attempts": 1, "on": [], "initialMs": 0, "factor": 1, "maxMs": 0}' from pairs
),
tried as (
  insert into attempts (job_id, number, runs_by, worker_name, state, reason, message, exit_code, signal, claimed_at, launched_at,
    ended_at, stdout_bytes, stderr_bytes, free_before_kib, free_after_kib, error_line)
  select job_id, 1, 'external', host, "attemptState", reason, message, "exitCode", signal, coalesce("startedAt", "submittedAt"),
    "startedAt", coalesce("endedAt", "startedAt", "submittedAt"), "stdoutBytes", "stderrBytes", "freeBeforeKib", "freeAfterKib", "errorLine" from pairs
  returning job_id, claimed_at
),
${families},
identities as (
  insert into source_identities (job_id, source, cluster, foreign_id, foreign_submitted_at)
  select job_id, source, cluster, id, "submittedAt" from pairs
),
notes as (
  insert into job_notes (job_id, info, summary)
  select job_id, info, summary from pairs where info is not null or summary is not null
),
bases as (
  insert into base_runs (job_id, foreign_id)
  select distinct job_id, b from pairs cross join lateral unnest("baseRuns") b
),
found_by as (
  insert into job_words (job_id, submitted_at, words)
  select job_id, "submittedAt", array_to_tsvector(words || job_id::text) from pairs
),
history as (
  insert into events (job_id, actor, name, data)
  select job_id, $2, 'imported', json_build_object('source', source, 'cluster', cluster, 'id', id) from pairs
)
select t.job_id as "jobId", p.uid, t.claimed_at as "claimedAt" from tried t join pairs p using (job_id)`;

const updateStatement = `
with incoming as materialized (select * from json_to_recordset($1::json) as r ${columns}),
moved as (
  update jobs job set name = i.name, owner = i.owner,
    owner_id = case when lower(i.owner) = lower(job.owner) then job.owner_id else ${accountOf('i')} end, kind = i.kind,
    project = coalesce(i.project, job.project), tags = coalesce(i.tags, job.tags), analysis = coalesce(i.analysis, job.analysis),
    assessment = coalesce(i.assessment, job.assessment)
  from incoming i where job.id = i."jobId"
  returning job.id, i.source, i.cluster, i.id as foreign_id
),
ended as (
  update ends e set owner = i.owner, state = i.state, reason = i.reason, message = coalesce(i.message, e.message),
    verdict = coalesce(i.verdict, e.verdict), verdict_tone = coalesce(i."verdictTone", e.verdict_tone),
    started_at = coalesce(i."startedAt", e.started_at), ended_at = i."endedAt",
    -- A line without output says less than one that had it.
    family = case when i.state = 'failed' and i."errorLine" is null then coalesce(e.family, i."familyId") else i."familyId" end
  from incoming i where e.job_id = i."jobId"
),
${families},
tried as (
  update attempts a set error_line = coalesce(i."errorLine", a.error_line), state = i."attemptState", reason = i.reason, message = coalesce(i.message, a.message),
    exit_code = coalesce(i."exitCode", a.exit_code), signal = coalesce(i.signal, a.signal),
    free_before_kib = coalesce(i."freeBeforeKib", a.free_before_kib), free_after_kib = coalesce(i."freeAfterKib", a.free_after_kib),
    worker_name = coalesce(i.host, a.worker_name), ended_at = coalesce(i."endedAt", a.ended_at)
  from incoming i where a.job_id = i."jobId" and a.number = 1
),
inputs as (
  update job_inputs n set input = i.input from incoming i where n.job_id = i."jobId" and i.input is not null
),
notes as (
  insert into job_notes (job_id, info, summary)
  select "jobId", info, summary from incoming where info is not null or summary is not null
  on conflict (job_id) do update set info = coalesce(excluded.info, job_notes.info), summary = coalesce(excluded.summary, job_notes.summary)
),
bases as (
  insert into base_runs (job_id, foreign_id)
  select distinct i."jobId", b from incoming i cross join lateral unnest(i."baseRuns") b
  where not exists (select from base_runs o where o.job_id = i."jobId" and o.foreign_id = b)
)
insert into events (job_id, actor, name, data)
select id, $2, 'imported again', json_build_object('source', source, 'cluster', cluster, 'id', foreign_id) from moved`;

/**
 * A base run known by its number becomes the job of that number at the same source and cluster that was submitted last
 * before: numbers are given out anew. Looked at from both sides, since the base may come after what is compared with it.
 */
const resolveStatement = `
update base_runs b set base_job_id = found.job_id
from (
  select u.job_id as owner, u.foreign_id, t.job_id
  from base_runs u join source_identities o on o.job_id = u.job_id
  cross join lateral (
    select t.job_id from source_identities t
    where t.source = o.source and t.cluster = o.cluster and t.foreign_id = u.foreign_id
      and t.foreign_submitted_at <= o.foreign_submitted_at and t.job_id <> u.job_id
    order by t.foreign_submitted_at desc limit 1
  ) t
  where u.base_job_id is null and u.foreign_id is not null
    and (u.job_id = any($1::bigint[]) or u.foreign_id = any($2::text[]))
) found
where b.job_id = found.owner and b.foreign_id = found.foreign_id and b.base_job_id is null`;

export function createImportStore(db: Database): ImportStore {
  return {
    store: (batch, options, actor) =>
      db.transaction(async (tx) => {
        await tx.query('select pg_advisory_xact_lock($1)', [importLock]);
        return storeBatch(tx, batch, { options, actor });
      }),
  };
}

async function storeBatch(
  tx: Queryable,
  batch: readonly NewImport[],
  { options, actor }: { options: ImportOptions; actor: Actor },
): ReturnType<ImportStore['store']> {
  const known = await findKnown(tx, batch);
  const added = batch.filter((_job, index) => !known.has(index));
  const changed = options.isUpdate ? await findEnded(tx, [...known.values()]) : new Set<number>();
  const ids = options.isDryRun ? new Map<string, number>() : await insert(tx, added, actor);
  if (!options.isDryRun) {
    const jobs = batch.flatMap((job, index) => toKnown(job, known.get(index)));
    await update(
      tx,
      jobs.filter(({ jobId }) => changed.has(jobId)),
      actor,
    );
  }
  return batch.map((job, index) => {
    const jobId = known.get(index);
    if (jobId === undefined) return { outcome: 'added', jobId: ids.get(job.uid) ?? null };
    return { outcome: changed.has(jobId) ? 'updated' : 'known', jobId };
  });
}

async function findKnown(tx: Queryable, batch: readonly NewImport[]): Promise<Map<number, number>> {
  const rows = await tx.query<{ ordinal: number; jobId: number }>(findStatement, [
    batch.map(({ source }) => source),
    batch.map(({ cluster }) => cluster),
    batch.map(({ id }) => id),
    batch.map(({ submittedAt }) => submittedAt),
    batch.map(({ uid }) => uid),
  ]);
  return new Map(rows.map(({ ordinal, jobId }) => [ordinal, jobId]));
}

/**
 * A job that is known by its uid may be one of ours that has not ended: no file says how that one stands. Whoever takes one
 * out of `ends` locks its row of `jobs` first.
 */
async function findEnded(tx: Queryable, ids: readonly number[]): Promise<Set<number>> {
  await tx.query('select from jobs where id = any($1::bigint[]) order by id for no key update', [ids]);
  const rows = await tx.query<{ id: number }>(
    'select job_id as id from ends where job_id = any($1::bigint[])',
    [ids],
  );
  return new Set(rows.map(({ id }) => id));
}

async function insert(tx: Queryable, jobs: readonly NewImport[], actor: Actor): Promise<Map<string, number>> {
  if (jobs.length === 0) return new Map();
  const numbers = await freeNumbers(tx, jobs);
  const rows = await tx.query<{ jobId: number; uid: string; claimedAt: Date }>(insertStatement, [
    JSON.stringify(
      jobs.map(({ number, ...job }) => ({
        ...toRow(job),
        ...(numbers.delete(number ?? 0) ? { number } : {}),
      })),
    ),
    actor.name,
  ]);
  const byUid = new Map(rows.map((row) => [row.uid, row]));
  const chunks = jobs.flatMap(({ uid, output }) => {
    const row = byUid.get(uid);
    return row ? output.map((one) => ({ ...one, jobId: row.jobId, claimedAt: row.claimedAt })) : [];
  });
  if (chunks.length > 0) await createAttemptOutput(tx).write(chunks);
  await resolveBases(
    tx,
    rows.map(({ jobId }) => jobId),
    jobs,
  );
  return new Map(rows.map(({ uid, jobId }) => [uid, jobId]));
}

async function freeNumbers(tx: Queryable, jobs: readonly NewImport[]): Promise<Set<number>> {
  const wanted = jobs.flatMap(({ number }) => number ?? []);
  if (wanted.length === 0) return new Set();
  await tx.query('lock table jobs in share row exclusive mode');
  const rows = await tx.query<{ number: number }>(freeNumbersStatement, [wanted]);
  return new Set(rows.map(({ number }) => number));
}

async function update(
  tx: Queryable,
  jobs: readonly (NewImport & { jobId: number })[],
  actor: Actor,
): Promise<void> {
  if (jobs.length === 0) return;
  await tx.query(updateStatement, [JSON.stringify(jobs.map((job) => toRow(job))), actor.name]);
  const ids = jobs.map(({ jobId }) => jobId);
  await resolveBases(tx, ids, jobs);
  await indexWords(tx, ids);
}

async function resolveBases(
  tx: Queryable,
  ids: readonly number[],
  jobs: readonly NewImport[],
): Promise<void> {
  await tx.query(resolveStatement, [ids, jobs.map(({ id }) => id)]);
}

function toKnown(job: NewImport, jobId: number | undefined): (NewImport & { jobId: number })[] {
  return jobId === undefined ? [] : [{ ...job, jobId }];
}

function toRow(job: NewImport & { jobId?: number }): object {
  const { output: _output, stdout: _stdout, stderr: _stderr, verdict, family, ...rest } = job;
  const hasEnded = isEnded(job.state);
  const endedAt = hasEnded ? (job.endedAt ?? job.startedAt ?? job.submittedAt) : undefined;
  return {
    ...rest,
    endedAt,
    familyId: family?.id,
    signature: family?.signature,
    verdict: verdict?.text,
    verdictTone: verdict?.tone,
    attemptState: job.state === 'unknown' ? 'finished' : job.state,
    words: wordsOf(toSearched(job)),
  };
}

function toSearched(job: NewImport): SearchedRecord {
  const { kind, name, owner, tags = [], source, input } = job;
  return {
    kind,
    name,
    owner,
    tags,
    needs: [],
    source,
    foreignId: job.id,
    input,
    project: job.project ?? null,
    message: job.message ?? null,
    verdict: job.verdict?.text ?? null,
    info: job.info ?? null,
    summary: job.summary ?? null,
  };
}
