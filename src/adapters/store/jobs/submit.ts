import { wordsOf } from '../../../contract/words.ts';
import type { NewJob, SubmitOutcome } from '../../../domain/jobs/ports.ts';
import type { Database, Queryable, Statement } from '../database.ts';
import { isRowError } from '../sqlstates.ts';

/**
 * Stores a batch of jobs in one round trip.
 *
 * Locking: two submits with one idempotency key meet in the unique index of `idempotency_keys`; the second waits
 * for the first to commit and then inserts nothing. Within a batch `distinct on` merges equal keys. Whose key was
 * taken is looked up by a second statement, because the first one's snapshot may be older than the winner's commit.
 *
 * A draining queue: what was accepted before is still answered with its job. That every submit writes to `queue_needs`,
 * also one that names a place known long since, is what a drain that begins relies on (queue-drain.ts).
 *
 * `json`, not `jsonb`: jsonb would sort the members of the input.
 */
const insertJobs = toInsert('submit-jobs', '');

/** Most submits name no files, and a part that finds nothing to do costs, too. */
const insertJobsWithFiles = toInsert(
  'submit-jobs-with-files',
  `files as (
  insert into artifacts (job_id, role, name, file_id)
  select a.id, 'in', f.name, f.file
  from accepted a
  cross join lateral json_to_recordset(a.run -> 'files') f (file uuid, name text)
),`,
);

function toInsert(name: string, files: string): Statement {
  return {
    name,
    text: `
with incoming as materialized (
  select r.*
  from rows from (json_to_recordset($1::json) as (
    uid uuid, kind text, name text, state text, queue text, needs text[], lanes text[], "ownLane" text,
    priority smallint, "runAt" timestamptz, owner text, "ownerId" bigint, project text, tags text[],
    "parentId" bigint, input json, retry jsonb, "timeoutMs" bigint, run json, "againOf" bigint, "scriptSha256" text, after json, info text, "baseRuns" json, scope text, key text, "bodyHash" text,
    words text[]
  )) with ordinality as r (
    uid, kind, name, state, queue, needs, lanes, "ownLane", priority, "runAt", owner, "ownerId", project, tags,
    "parentId", input, retry, "timeoutMs", run, "againOf", "scriptSha256", after, info, "baseRuns", scope, key, "bodyHash", words, place
  )
  where exists (select from queues q where q.name = r.queue and q.drain_total is null)
),
needs as (
  insert into queue_needs (queue, needs) select distinct queue, needs from incoming on conflict do nothing
),
own_lanes as (
  insert into lanes (key, capacity)
  select distinct "ownLane", 1 from incoming where "ownLane" is not null on conflict do nothing
),
keys as (
  insert into idempotency_keys (scope, key, body_hash, job_uid)
  select distinct on (scope, key) scope, key, decode("bodyHash", 'hex'), uid
  from incoming where key is not null order by scope, key, place
  on conflict do nothing
  returning job_uid
),
-- Numbers are drawn here, so that no step below has to find its row by joining what another one returned: nothing is
-- known of the number of such rows when the statement is planned, and each would be compared with every other.
accepted as materialized (
  select nextval('jobs_id_seq') as id, i.*
  from (
    select * from incoming where key is null or uid in (select job_uid from keys) order by place
  ) i
),
stored as (
  insert into jobs (id, uid, kind, name, state, queue, needs, lanes, priority, run_at, owner, owner_id, project, tags, parent_id, again_of)
  select id, uid, kind, name, state, queue, needs, lanes, priority, "runAt", owner, "ownerId", project, tags, "parentId", "againOf"
  from accepted
  returning id, uid
),
inputs as (
  insert into job_inputs (job_id, input, retry, timeout_ms, run, script_sha256)
  select id, input, retry, "timeoutMs", run, decode("scriptSha256", 'hex') from accepted
),
dependencies as (
  insert into job_dependencies (job_id, on_job_id, must_succeed)
  select a.id, d."jobId", d."mustSucceed"
  from accepted a
  cross join lateral json_to_recordset(a.after) d ("jobId" bigint, "mustSucceed" boolean)
),
found_by as (
  insert into job_words (job_id, submitted_at, words)
  select id, now(), array_to_tsvector(words || id::text) from accepted
),
${files}
notes as (
  insert into job_notes (job_id, info)
  select id, info from accepted where info is not null
),
base_runs_named as (
  insert into base_runs (job_id, base_job_id, foreign_id)
  select distinct a.id, b."jobId", b."foreignId"
  from accepted a
  cross join lateral json_to_recordset(a."baseRuns") b ("jobId" bigint, "foreignId" text)
),
history as (
  insert into events (job_id, actor, name, data)
  select id, owner, 'submitted', json_build_object('state', state, 'runAt', "runAt")
  from accepted
)
select id, uid from stored`,
  };
}

const findKeys = `
select r.ordinal - 1 as ordinal, encode(k.body_hash, 'hex') as "bodyHash", j.id, j.uid
from unnest($1::text[], $2::text[]) with ordinality as r (scope, key, ordinal)
join idempotency_keys k using (scope, key)
left join jobs j on j.uid = k.job_uid`;

interface KeyRow {
  ordinal: number;
  bodyHash: string;
  id: number | null;
  uid: string | null;
}

/** Stores what it can and says for each row what became of it. */
export async function submitJobs(db: Database, batch: readonly NewJob[]): Promise<SubmitOutcome[]> {
  try {
    return await insertBatch(db, batch);
  } catch (error) {
    if (!isRowError(error)) throw error;
    if (batch.length === 1) return [{ status: 'refused', message: error.message }];
    // One row the database refuses must not spoil its neighbours: store them one by one.
    const outcomes: SubmitOutcome[] = [];
    for (const job of batch) outcomes.push(...(await submitJobs(db, [job])));
    return outcomes;
  }
}

async function insertBatch(db: Queryable, batch: readonly NewJob[]): Promise<SubmitOutcome[]> {
  const statement = batch.some(({ run }) => run?.files) ? insertJobsWithFiles : insertJobs;
  const rows = await db.query<{ id: number; uid: string }>(statement, [JSON.stringify(batch.map(toRow))]);
  const ids = new Map(rows.map((row) => [row.uid, row.id]));
  const known = await findTakenKeys(
    db,
    batch.filter((job) => job.idempotency && !ids.has(job.uid)),
  );
  const there = await findQueues(
    db,
    batch.filter((job) => !ids.has(job.uid) && !known.has(job.uid)),
  );
  return batch.map((job): SubmitOutcome => {
    const place = { queue: job.queue, needs: job.needs };
    const id = ids.get(job.uid);
    if (id !== undefined) return { status: 'stored', id, uid: job.uid, place, isNew: true };
    const first = known.get(job.uid);
    if (!first) return { status: there.has(job.queue) ? 'queue_draining' : 'unknown_queue' };
    if (first.bodyHash !== job.idempotency?.bodyHash || first.id === null || first.uid === null) {
      return { status: 'key_conflict' };
    }
    return { status: 'stored', id: first.id, uid: first.uid, place, isNew: false };
  });
}

/** Of jobs that were not stored: queues that are there all the same. */
async function findQueues(db: Queryable, batch: readonly NewJob[]): Promise<Set<string>> {
  if (batch.length === 0) return new Set();
  const rows = await db.query<{ name: string }>('select name from queues where name = any($1::text[])', [
    batch.map(({ queue }) => queue),
  ]);
  return new Set(rows.map(({ name }) => name));
}

async function findTakenKeys(db: Queryable, batch: readonly NewJob[]): Promise<Map<string, KeyRow>> {
  if (batch.length === 0) return new Map();
  const rows = await db.query<KeyRow>(findKeys, [
    batch.map((job) => job.idempotency?.scope),
    batch.map((job) => job.idempotency?.key),
  ]);
  const byUid = new Map<string, KeyRow>();
  for (const row of rows) {
    const job = batch[row.ordinal];
    if (job) byUid.set(job.uid, row);
  }
  return byUid;
}

function toRow({ idempotency, ...job }: NewJob): object {
  return {
    ...job,
    scope: idempotency?.scope,
    key: idempotency?.key,
    bodyHash: idempotency?.bodyHash,
    words: wordsOf(job),
  };
}
