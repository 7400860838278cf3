import { wordsOf } from '../../../contract/words.ts';
import type { NewJob, SubmitOutcome } from '../../../domain/jobs/ports.ts';
import type { Queryable, Statement } from '../database.ts';
import { isRowError } from '../sqlstates.ts';

/** Where jobs stand once they are stored. */
const waits = `waits as (
  insert into queued (job_id, place, priority, state, run_at, kind, lanes, owner)
  select id, place, priority, state, "runAt", kind, lanes, owner from accepted
)`;

/**
 * Stores a batch of jobs in one round trip.
 *
 * Locking: two submits with one idempotency key meet in the unique index of `idempotency_keys`; the second waits
 * for the first to commit and then inserts nothing. Within a batch `distinct on` merges equal keys. Whose key was
 * taken is looked up by a second statement, because the first one's snapshot may be older than the winner's commit.
 *
 * A draining queue: what was accepted before is still answered with its job. That every submit writes to `places`, though
 * it never has a row for it, is what a drain that begins relies on (queue-drain.ts). A place that is new is made before,
 * in a transaction of its own; a job whose place is not there is not stored.
 *
 * `json`, not `jsonb`: jsonb would sort the members of the input.
 */
const insertJobs = toInsert('submit-jobs');

/** Most submits name no files, and a part that finds nothing to do costs, too. */
const insertJobsWithFiles = toInsert('submit-jobs-with-files', {
  steps: `files as (
  insert into artifacts (job_id, role, name, file_id)
  select a.id, 'in', f.name, f.file
  from accepted a
  cross join lateral json_to_recordset(a.run -> 'files') f (file uuid, name text)
),`,
});

interface Variant {
  /** Of what is read of the incoming jobs: further tables and conditions, and what they give. */
  columns?: string;
  conditions?: string;
  /** Instead of `waits`. */
  stand?: string;
  /** Further moves of these jobs: `union all select …`. */
  moves?: string;
  steps?: string;
  result?: string;
}

/** The one statement that stores jobs, with what is particular to a form of it. */
export function toInsert(
  name: string,
  {
    columns = '',
    conditions = '',
    stand = waits,
    moves = '',
    steps = '',
    result = 'id, uid, now() as "submittedAt"',
  }: Variant = {},
): Statement {
  return {
    name,
    isByKey: true,
    text: `
with incoming as materialized (
  select r.*, p.id as place${columns}
  from rows from (json_to_recordset($1::json) as (
    uid uuid, kind text, name text, state text, queue text, needs text[], lanes text[], "ownLane" text,
    priority smallint, "runAt" timestamptz, owner text, "ownerId" bigint, project text, tags text[],
    "parentId" bigint, input json, retry jsonb, "timeoutMs" bigint, run json, "againOf" bigint, "scriptSha256" text, after json, info text, "baseRuns" json, scope text, key text, "bodyHash" text,
    words text[]
  )) with ordinality as r (
    uid, kind, name, state, queue, needs, lanes, "ownLane", priority, "runAt", owner, "ownerId", project, tags,
    "parentId", input, retry, "timeoutMs", run, "againOf", "scriptSha256", after, info, "baseRuns", scope, key, "bodyHash", words, ordinal
  )
  join places p on p.queue = r.queue and p.needs = r.needs
  join queues q on q.name = r.queue and q.drain_total is null${conditions}
),
mark as (
  insert into places (queue, needs) select queue, needs from incoming where false
),
own_lanes as (
  insert into lanes (key, capacity)
  select distinct "ownLane", 1 from incoming where "ownLane" is not null order by 1 on conflict do nothing
),
keys as (
  insert into idempotency_keys (scope, key, body_hash, job_uid)
  select distinct on (scope, key) scope, key, decode("bodyHash", 'hex'), uid
  from incoming where key is not null order by scope, key, ordinal
  on conflict do nothing
  returning job_uid
),
-- Numbers are drawn here, so that no step below has to find its row by joining what another one returned: nothing is
-- known of the number of such rows when the statement is planned, and each would be compared with every other.
accepted as materialized (
  select nextval('jobs_id_seq') as id, i.*
  from (
    select * from incoming where key is null or uid in (select job_uid from keys) order by ordinal
  ) i
),
stored as (
  insert into jobs (id, uid, kind, name, queue, needs, lanes, priority, owner, owner_id, project, tags, parent_id, again_of)
  select id, uid, kind, name, queue, needs, lanes, priority, owner, "ownerId", project, tags, "parentId", "againOf"
  from accepted
),
${stand},
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
${steps}
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
  from accepted${moves}
)
select ${result} from accepted`,
  };
}

/** Places that are new, of queues that are there. */
const makePlaces = `
insert into places (queue, needs)
select distinct r.queue, r.needs from json_to_recordset($1::json) as r (queue text, needs text[]) join queues q on q.name = r.queue
order by 1, 2
on conflict do nothing`;

const findKeys = `
select r.ordinal - 1 as ordinal, encode(k.body_hash, 'hex') as "bodyHash", job.id, job.uid
from unnest($1::text[], $2::text[]) with ordinality as r (scope, key, ordinal)
join idempotency_keys k using (scope, key)
left join jobs job on job.uid = k.job_uid`;

interface KeyRow {
  ordinal: number;
  bodyHash: string;
  id: number | null;
  uid: string | null;
}

/** Stores what it can and says for each row what became of it. */
export async function submitJobs(db: Queryable, batch: readonly NewJob[]): Promise<SubmitOutcome[]> {
  const stored = await insertBatch(db, batch);
  if (!stored) {
    // One row the database refuses must not spoil its neighbours: store them one by one.
    const outcomes: SubmitOutcome[] = [];
    for (const job of batch) outcomes.push(...(await submitJobs(db, [job])));
    return outcomes;
  }
  const left = batch.filter(({ uid }) => !stored.has(uid));
  if (left.length > 0) for (const [uid, outcome] of await explain(db, left)) stored.set(uid, outcome);
  return batch.map(({ uid, queue, needs }): SubmitOutcome => {
    const outcome = stored.get(uid) ?? { status: 'unknown_queue' };
    return outcome.status === 'stored' ? { ...outcome, place: { queue, needs } } : outcome;
  });
}

interface StoredRow {
  id: number;
  uid: string;
  submittedAt: Date;
}

/** Those that it stored; undefined when the database refuses one of several, and nothing is stored. */
async function insertBatch(
  db: Queryable,
  batch: readonly NewJob[],
): Promise<Map<string, Outcome> | undefined> {
  const statement = batch.some(({ run }) => run?.files) ? insertJobsWithFiles : insertJobs;
  try {
    const rows = await db.query<StoredRow>(statement, [JSON.stringify(batch.map(toRow))]);
    return new Map(rows.map((row) => [row.uid, { status: 'stored', ...row, isNew: true }]));
  } catch (error) {
    if (!isRowError(error)) throw error;
    if (batch.length > 1) return undefined;
    return new Map(batch.map(({ uid }) => [uid, { status: 'refused', message: error.message }]));
  }
}

type StoredOutcome = Omit<Extract<SubmitOutcome, { status: 'stored' }>, 'place'>;
type Outcome = StoredOutcome | Exclude<SubmitOutcome, { status: 'stored' }>;

/** Why jobs were not stored. Those whose place was new are stored here. */
async function explain(db: Queryable, left: readonly NewJob[]): Promise<Map<string, Outcome>> {
  const outcomes = new Map<string, Outcome>();
  const known = await findTakenKeys(
    db,
    left.filter(({ idempotency }) => idempotency),
  );
  for (const job of left) {
    const first = known.get(job.uid);
    if (first) outcomes.set(job.uid, toRepeated(job, first));
  }
  const queues = await findQueues(db, left);
  const unplaced: NewJob[] = [];
  for (const job of left) {
    if (outcomes.has(job.uid)) continue;
    const isDraining = queues.get(job.queue);
    if (isDraining === false) unplaced.push(job);
    else outcomes.set(job.uid, { status: isDraining ? 'queue_draining' : 'unknown_queue' });
  }
  if (unplaced.length === 0) return outcomes;
  await placesFor(db, unplaced);
  const stored = await submitJobs(db, unplaced);
  for (const [index, { uid }] of unplaced.entries()) {
    const outcome = stored[index];
    if (outcome) outcomes.set(uid, outcome);
  }
  return outcomes;
}

async function placesFor(db: Queryable, batch: readonly NewJob[]): Promise<void> {
  try {
    await db.query(makePlaces, [JSON.stringify(batch.map(({ queue, needs }) => ({ queue, needs })))]);
  } catch (error) {
    // One of the queues was removed just now, as the next look at them says.
    if (!isRowError(error)) throw error;
  }
}

function toRepeated(job: NewJob, { bodyHash, id, uid }: KeyRow): Outcome {
  if (bodyHash !== job.idempotency?.bodyHash || id === null || uid === null)
    return { status: 'key_conflict' };
  return { status: 'stored', id, uid, isNew: false };
}

/** Queues that are there, and whether they take no new jobs. */
async function findQueues(db: Queryable, batch: readonly NewJob[]): Promise<Map<string, boolean>> {
  const rows = await db.query<{ name: string; isDraining: boolean }>(
    'select name, drain_total is not null as "isDraining" from queues where name = any($1::text[])',
    [batch.map(({ queue }) => queue)],
  );
  return new Map(rows.map(({ name, isDraining }) => [name, isDraining]));
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

/** As the statement reads a job. */
export function toRow({ idempotency, ...job }: NewJob): object {
  return {
    ...job,
    scope: idempotency?.scope,
    key: idempotency?.key,
    bodyHash: idempotency?.bodyHash,
    words: wordsOf(job),
  };
}
