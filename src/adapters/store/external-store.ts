import { keyScopeOf } from '../../contract/actor.ts';
import type { AttemptKey } from '../../contract/attempt.ts';
import type { ExternalBeat } from '../../contract/external.ts';
import type { ExternalStore, NewExternal } from '../../domain/elsewhere/external-ports.ts';
import type { Database, Queryable } from './database.ts';
import { indexWords } from './jobs/index-words.ts';
import { createAttemptOutput } from './output-store.ts';

/** Born running: no queue ever holds it, so no claim can see it. */
const beginStatement = `
with begun_at as materialized (
  select nextval('jobs_id_seq') as id, least($8::timestamptz, now()) as at
),
stored as (
  insert into jobs (id, uid, kind, name, owner, owner_id, project, tags, submitted_at)
  select id, $1, $2, $3, $4, $5, $6, $7::text[], at from begun_at
),
inputs as (
  insert into job_inputs (job_id, input, retry) select id, $9::json, '{"attempts": 1, "on": [], "initialMs": 0, "factor": 1, "maxMs": 0}' from begun_at
),
begun as (
  insert into running (job_id, number, runs_by, worker_name, kind, claimed_at, launched_at, submitted_at, owner)
  select id, 1, 'external', $10, $2, at, at, at, $4 from begun_at
  returning job_id, number, token
),
history as (
  insert into events (job_id, at, actor, name, data)
  select id, at, $4, 'started elsewhere', json_build_object('attempt', 1, 'holder', $10::text) from begun_at
)
select job_id as "jobId", number, token from begun`;

/** One that was lost may go on to say what was printed. */
const openStatements = [
  `select claimed_at as "claimedAt" from running
   where job_id = $1 and number = $2 and token = $3 and runs_by = 'external' for update`,
  `select claimed_at as "claimedAt" from attempts
   where job_id = $1 and number = $2 and token = $3 and runs_by = 'external' and reason = 'lost' for update`,
];

export function createExternalStore(db: Database): ExternalStore {
  return {
    begin: (attempt) => begin(db, attempt),
    beat: (key) => beat(db, key),
    appendTo: (key, work) =>
      db.transaction(async (tx) => {
        const claimedAt = await holdOpen(tx, key);
        if (!claimedAt) return null;
        return work({ jobId: key.jobId, number: key.number, claimedAt }, createAttemptOutput(tx));
      }),
    knows: async ({ jobId, number, token }) =>
      (
        await db.query(
          `select from attempt_rows where job_id = $1 and number = $2 and token = $3 and runs_by = 'external'`,
          [jobId, number, token],
        )
      ).length > 0,
    release: async ({ token }) => {
      await db.query('delete from external_leases where token = $1', [token]);
    },
  };
}

/** Holds the row of an attempt whose output may grow, wherever it stands; when it was begun. */
async function holdOpen(tx: Queryable, { jobId, number, token }: AttemptKey): Promise<Date | null> {
  for (const statement of openStatements) {
    const [row] = await tx.query<{ claimedAt: Date }>(statement, [jobId, number, token]);
    if (row) return row.claimedAt;
  }
  return null;
}

/** Two reports of one beginning meet in the unique index of keys; the second waits, and answers with the first. */
function begin(db: Database, attempt: NewExternal): Promise<AttemptKey | 'conflict'> {
  return db.transaction(async (tx) => {
    const { uid, owner, key, bodyHash, input, startedAt, holder, kind, name, ownerId, project, tags } =
      attempt;
    const mine = await tx.query(
      `insert into idempotency_keys (scope, key, body_hash, job_uid) values ($1, $2, decode($3, 'hex'), $4)
       on conflict do nothing returning key`,
      [keyScopeOf(attempt), key, bodyHash, uid],
    );
    if (mine.length === 0) return findBegun(tx, attempt);
    const values = [uid, kind, name, owner, ownerId, project, tags, startedAt, JSON.stringify(input), holder];
    const [begun] = await tx.query<AttemptKey>(beginStatement, values);
    if (!begun) throw new Error('an insert returns its row');
    await tx.query('insert into external_leases (job_id, attempt, token, holder) values ($1, $2, $3, $4)', [
      begun.jobId,
      begun.number,
      begun.token,
      holder,
    ]);
    await indexWords(tx, [begun.jobId]);
    return begun;
  });
}

async function findBegun(tx: Queryable, attempt: NewExternal): Promise<AttemptKey | 'conflict'> {
  const [known] = await tx.query<AttemptKey & { isSame: boolean }>(
    `select a.job_id as "jobId", a.number, a.token, k.body_hash = decode($3, 'hex') as "isSame"
     from idempotency_keys k join jobs job on job.uid = k.job_uid join attempt_rows a on a.job_id = job.id and a.number = 1
     where k.scope = $1 and k.key = $2 and a.runs_by = 'external'`,
    [keyScopeOf(attempt), attempt.key, attempt.bodyHash],
  );
  if (!known?.isSame) return 'conflict';
  const { jobId, number, token } = known;
  return { jobId, number, token };
}

async function beat(db: Database, { jobId, number, token }: AttemptKey): Promise<ExternalBeat> {
  const [row] = await db.query<{ cancelRequested: boolean }>(
    `with mine as (
       update external_leases set beat = beat + 1, seen_at = now() where token = $3 returning job_id
     )
     select r.cancel_requested_at is not null as "cancelRequested"
     from mine m join running r on r.job_id = m.job_id and r.number = $2 and r.token = $3 where r.job_id = $1`,
    [jobId, number, token],
  );
  return { isRunning: row !== undefined, cancelRequested: row?.cancelRequested ?? false };
}
