import { endedStates } from '../contract/states.ts';
import type { Actor } from '../contract/actor.ts';
import {
  aheadLimit,
  type BusyJob,
  type WaitingFacts,
  type WaitingStore,
  type WorkerFacts,
} from '../waiting/ports.ts';
import { Conditions, visibleTo } from './jobs/conditions.ts';
import type { Database } from './database.ts';
import { readUsualTimes, type UsualTimes } from './usual-times.ts';

type Named = { id: number; kind: string; name: string };
type NamedBusy = Named & Pick<BusyJob, 'state' | 'startedAt'>;

/** Every query reads a bounded number of rows, however long the queue is. */
export function createWaitingStore(db: Database): WaitingStore {
  return { facts: (jobId, actor) => readFacts(db, jobId, actor) };
}

async function readFacts(db: Database, jobId: number, actor: Actor): Promise<WaitingFacts | null> {
  const conditions = visibleTo(new Conditions().add('j.id = ?', jobId), actor);
  const [row] = await db.query<
    WaitingFacts['job'] & { now: Date; priority: number; paused: boolean | null; note: string | null }
  >(
    `select now(), j.id, j.state, j.kind, j.queue, j.needs as labels, j.run_at as "runAt", j.priority, q.paused, q.note
     from jobs j left join queues q on q.name = j.queue where ${conditions.text}`,
    conditions.values,
  );
  if (!row) return null;
  const { now, priority, paused, note, ...job } = row;
  const usual = await readUsualTimes(db);
  return {
    now,
    job,
    queue: paused === null ? null : { paused, note },
    dependencies: await dependencies(db, jobId, usual),
    lanes: await lanes(db, { ...job, priority }, usual),
    workers: await workers(db, usual),
    ahead: await ahead(db, { ...job, priority }, usual),
  };
}

async function dependencies(
  db: Database,
  jobId: number,
  usual: UsualTimes,
): Promise<WaitingFacts['dependencies']> {
  const rows = await db.query<NamedBusy & { mustSucceed: boolean }>(
    `select b.id, b.kind, b.name, b.state, b.started_at as "startedAt", d.must_succeed as "mustSucceed"
     from job_dependencies d join jobs b on b.id = d.on_job_id
     where d.job_id = $1 and b.state <> all($2::text[]) order by b.id`,
    [jobId, endedStates],
  );
  return rows.map((one) => ({ ...withUsual(one, usual), mustSucceed: one.mustSucceed }));
}

async function lanes(
  db: Database,
  { id, priority }: { id: number; priority: number },
  usual: UsualTimes,
): Promise<WaitingFacts['lanes']> {
  const rows = await db.query<{
    key: string;
    capacity: number;
    taken: number;
    holders: (Named & { startedAt: string | null })[];
    ahead: Named[];
  }>(
    `select l.key, l.capacity, l.taken,
       coalesce((
         select json_agg(json_build_object('id', h.id, 'kind', h.kind, 'name', h.name, 'startedAt', h.started_at) order by h.id)
         from attempts a join jobs h on h.id = a.job_id where a.state = 'running' and l.key = any(a.lanes)
       ), '[]') as holders,
       coalesce((
         select json_agg(json_build_object('id', w.id, 'kind', w.kind, 'name', w.name))
         from (
           select w.id, w.kind, w.name from jobs w
           where w.state = 'waiting' and w.blocked_by = l.key and w.id <> $1
             and (w.priority > $2 or (w.priority = $2 and w.id < $1))
           limit $3
         ) w
       ), '[]') as ahead
     from jobs j cross join lateral unnest(j.lanes) n (key) join lanes l on l.key = n.key
     where j.id = $1 order by l.key`,
    [id, priority, aheadLimit],
  );
  return rows.map((lane) => ({
    ...lane,
    ahead: lane.ahead.map((one) => ({ id: one.id, usualMs: usual(one)?.medianMs ?? null })),
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
    `select a.worker_id as "workerId", j.id, j.kind, j.name, j.state, j.started_at as "startedAt"
     from attempts a join jobs j on j.id = a.job_id where a.state = 'running'`,
  );
  return rows.map(({ id, ...worker }) => ({
    ...worker,
    running: running.filter(({ workerId }) => workerId === id).map((one) => withUsual(one, usual)),
  }));
}

/** In no order: for an estimate it matters only how many there are and how long they take. */
async function ahead(
  db: Database,
  { id, queue, priority }: { id: number; queue: string | null; priority: number },
  usual: UsualTimes,
): Promise<WaitingFacts['ahead']> {
  const rows = await db.query<Named>(
    `select j.id, j.kind, j.name from jobs j
     where j.state = 'queued' and j.queue = $2 and (j.priority > $3 or (j.priority = $3 and j.id < $1)) limit $4`,
    [id, queue, priority, aheadLimit],
  );
  return rows.map((one) => ({ id: one.id, usualMs: usual(one)?.medianMs ?? null }));
}

function withUsual({ id, kind, name, state, startedAt }: NamedBusy, usual: UsualTimes): BusyJob {
  return { id, state, startedAt, usualMs: usual({ kind, name })?.medianMs ?? null };
}
