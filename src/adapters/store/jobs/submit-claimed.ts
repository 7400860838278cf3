import type { ClaimedJob, ClaimRequest, NewJob } from '../../../domain/jobs/ports.ts';
import { isAppError } from '../../../contract/errors.ts';
import type { Queryable } from '../database.ts';
import { toInsert, toRow } from './submit.ts';

/**
 * Stores a job that runs from its first moment on the worker that asks, or nothing at all, neither job nor key.
 *
 * It passes nobody: nothing may wait in any place that the worker serves, and what was answered before stands there for
 * this statement to see. No limit, pause or drain may be in the way; who makes a limit waits for writers of `running`, and
 * a drain for writers of `places`.
 */
const statement = toInsert('submit-claimed', {
  columns: ', gen_random_uuid() as token, w.id as worker_id, w.name as worker_name',
  conditions: `
  join workers w on w.id = $2 and w.incarnation = $3 and w.state = 'active' and not w.draining
  where not q.paused and (r.queue = any($4::text[]) or '*' = any($4::text[])) and r.needs <@ $5::text[] and r.kind = any($6::text[])
    and not exists (select from lanes l where l.key = any(r.lanes) offset 0)
    and not exists (
      select from places o join queues oq on oq.name = o.queue and not oq.paused
      cross join lateral (
        select from queued c where c.state = 'queued' and c.place = o.id and c.kind = any($6::text[]) limit 1
      ) older
      where (o.queue = any($4::text[]) or '*' = any($4::text[])) and o.needs <@ $5::text[]
      offset 0
    )`,
  stand: `begun as (
  insert into running (job_id, number, token, runs_by, worker_id, worker_name, incarnation, kind, run_at, place, submitted_at, owner)
  select id, 1, token, 'slot', worker_id, worker_name, $3, kind, "runAt", place, now(), owner from accepted
)`,
  moves: `
  union all
  select id, 'worker:' || worker_name, 'claimed', json_build_object('attempt', 1) from accepted`,
  result: 'id as "jobId", token, now() as "claimedAt"',
});

/** @returns null where it must take its turn, or was refused: it is not stored then */
export async function submitClaimed(
  db: Queryable,
  job: NewJob,
  { workerId, incarnation, queues, labels, kinds }: ClaimRequest,
): Promise<ClaimedJob | null> {
  const row = JSON.stringify([toRow(job)]);
  const values = [row, workerId, incarnation, queues, labels, kinds];
  try {
    const [stored] = await db.query<Pick<ClaimedJob, 'jobId' | 'token' | 'claimedAt'>>(statement, values);
    return stored ? { ...stored, ...asClaimed(job) } : null;
  } catch (error) {
    if (isAppError(error)) throw error;
    return null;
  }
}

function asClaimed(job: NewJob): Omit<ClaimedJob, 'jobId' | 'token' | 'claimedAt'> {
  const { uid, kind, name, owner, ownerId, timeoutMs, scriptSha256 } = job;
  // As it comes back from the database.
  const { input, retry, run } = JSON.parse(JSON.stringify(job)) as Pick<NewJob, 'input' | 'retry' | 'run'>;
  const told = { uid, kind, name, owner, ownerId, input, retry, timeoutMs, run, scriptSha256 };
  return { ...told, number: 1, tries: 1, isLimited: false, waitedMs: 0 };
}
