import { endedStates } from '../../contract/states.ts';
import type { Actor } from '../../contract/actor.ts';
import {
  aheadLimit,
  type BusyJob,
  type WaitingFacts,
  type WaitingStore,
  type WorkerFacts,
} from '../../domain/waiting/ports.ts';
import type { UsualTimeReader, UsualTimes } from '../../domain/jobs/reader-ports.ts';
import { Conditions, visibleTo } from './jobs/conditions.ts';
import type { Database } from './database.ts';

type Named = { kind: string; name: string };
type Nullable<T> = { [Key in keyof T]: T[Key] | null };
type NamedBusy = Named & Pick<BusyJob, 'id' | 'state' | 'startedAt'>;

/**
 * Every query reads a bounded number of rows, however long the queue is. What stands in the way is counted whosever it
 * is, since a place that is taken is taken; which job it is stands there only for those who may see it.
 */
export function createWaitingStore(db: Database, usualTimes: UsualTimeReader): WaitingStore {
  return { facts: (jobId, actor) => readFacts(db, usualTimes, { jobId, actor }) };
}

async function readFacts(
  db: Database,
  usualTimes: UsualTimeReader,
  { jobId, actor }: { jobId: number; actor: Actor },
): Promise<WaitingFacts | null> {
  const conditions = visibleTo(new Conditions().add('job.id = ?', jobId), actor);
  const [row] = await db.query<
    WaitingFacts['job'] & { now: Date; priority: number; paused: boolean | null; note: string | null }
  >(
    `select now(), job.id, job.state, job.kind, job.queue, job.needs as labels, job.run_at as "runAt", job.priority, q.paused, q.note
     from job_rows job left join queues q on q.name = job.queue where ${conditions.text}`,
    conditions.values,
  );
  if (!row) return null;
  const { now, priority, paused, note, ...job } = row;
  const usual = await usualTimes.read(actor);
  return {
    now,
    job,
    queue: paused === null ? null : { paused, note },
    dependencies: await dependencies(db, usual, { jobId, actor }),
    lanes: await lanes(db, usual, { ...job, priority, actor }),
    workers: await workers(db, usual),
    ahead: await ahead(db, usual, { ...job, priority }),
  };
}

async function dependencies(
  db: Database,
  usual: UsualTimes,
  { jobId, actor }: { jobId: number; actor: Actor },
): Promise<WaitingFacts['dependencies']> {
  const seen = visibleTo(new Conditions([jobId, endedStates]), actor);
  const rows = await db.query<Nullable<Omit<NamedBusy, 'id'>> & { id: number; mustSucceed: boolean }>(
    `select b.id, d.must_succeed as "mustSucceed", o.*
     from job_dependencies d join job_rows b on b.id = d.on_job_id
     left join lateral (
       select job.kind, job.name, job.state, job.started_at as "startedAt" from job_rows job where job.id = b.id and ${seen.text}
     ) o on true
     where d.job_id = $1 and b.state <> all($2::text[]) order by b.id`,
    seen.values,
  );
  return rows.map(({ kind, name, ...one }) => ({
    ...one,
    usualMs: kind === null || name === null ? null : (usual({ kind, name })?.medianMs ?? null),
  }));
}

async function lanes(
  db: Database,
  usual: UsualTimes,
  { id, priority, actor }: { id: number; priority: number; actor: Actor },
): Promise<WaitingFacts['lanes']> {
  const seen = visibleTo(new Conditions([id, priority, aheadLimit]), actor);
  const rows = await db.query<{
    key: string;
    capacity: number;
    taken: number;
    holders: (Named & { id: number | null; startedAt: string | null })[];
    ahead: Named[];
  }>(
    `select l.key, l.capacity, l.taken,
       coalesce((
         select json_agg(json_build_object(
           'id', (select job.id from jobs job where job.id = h.id and ${seen.text}),
           'kind', h.kind, 'name', h.name, 'startedAt', r.claimed_at) order by h.id)
         from running r join jobs h on h.id = r.job_id where l.key = any(r.lanes)
       ), '[]') as holders,
       coalesce((
         select json_agg(json_build_object('kind', w.kind, 'name', w.name))
         from (
           select w.kind, w.name from queued t join jobs w on w.id = t.job_id
           where t.state = 'waiting' and t.blocked_by = l.key and t.job_id <> $1
             and (t.priority > $2 or (t.priority = $2 and t.job_id < $1))
           limit $3
         ) w
       ), '[]') as ahead
     from jobs n cross join lateral unnest(n.lanes) named (key) join lanes l on l.key = named.key
     where n.id = $1 order by l.key`,
    seen.values,
  );
  return rows.map((lane) => ({
    ...lane,
    ahead: lane.ahead.map((one) => ({ usualMs: usual(one)?.medianMs ?? null })),
    holders: lane.holders.map((one) =>
      withUsual(
        { ...one, state: 'running', startedAt: one.startedAt === null ? null : new Date(one.startedAt) },
        usual,
      ),
    ),
  }));
}

async function workers(db: Database, usual: UsualTimes): Promise<WorkerFacts[]> {
  const rows = await db.query<Omit<WorkerFacts, 'running'> & { id: string }>(
    `select id, name, slots, queues, labels, kinds, draining, problem from workers where state = 'active' order by name`,
  );
  const running = await db.query<NamedBusy & { workerId: string | null }>(
    `select r.worker_id as "workerId", job.id, job.kind, job.name, 'running' as state, r.claimed_at as "startedAt"
     from running r join jobs job on job.id = r.job_id`,
  );
  return rows.map(({ id, ...worker }) => ({
    ...worker,
    running: running.filter(({ workerId }) => workerId === id).map((one) => withUsual(one, usual)),
  }));
}

/** In no order: for an estimate it matters only how many there are and how long they take. */
async function ahead(
  db: Database,
  usual: UsualTimes,
  { id, queue, priority }: { id: number; queue: string | null; priority: number },
): Promise<WaitingFacts['ahead']> {
  const rows = await db.query<Named>(
    `select job.kind, job.name from queued t join places p on p.id = t.place join jobs job on job.id = t.job_id
     where t.state = 'queued' and p.queue = $2 and (t.priority > $3 or (t.priority = $3 and t.job_id < $1)) limit $4`,
    [id, queue, priority, aheadLimit],
  );
  return rows.map((one) => ({ usualMs: usual(one)?.medianMs ?? null }));
}

function withUsual({ id, kind, name, state, startedAt }: NamedBusy, usual: UsualTimes): BusyJob {
  return { id, state, startedAt, usualMs: usual({ kind, name })?.medianMs ?? null };
}
