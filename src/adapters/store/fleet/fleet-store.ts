import { liveJobs } from '../jobs/live.ts';
import type { Actor } from '../../../contract/actor.ts';
import type { Lane, Queue } from '../../../contract/fleet.ts';
import type { FleetStore } from '../../../domain/fleet/ports.ts';
import type { Database, Queryable } from '../database.ts';
import { Conditions, visibleTo } from '../jobs/conditions.ts';
import { beginDrain } from './queue-drain.ts';

export function createFleetStore(db: Database): FleetStore {
  return {
    queues: () => queues(db),
    putQueue: (name, change) => putQueue(db, name, change),
    removeQueue: (name) => removeQueue(db, name),
    places: (queue) => db.query('select queue, needs from places where queue = $1', [queue]),
    lanes: (actor) => lanes(db, actor),
    putLane: (key, change) => putLane(db, key, change),
    removeLane: async (key) =>
      (await db.query('delete from lanes where key = $1 returning key', [key])).length > 0,
    workers: () => workers(db),
    setDraining: async (workerId, draining) =>
      (await db.query('update workers set draining = $2 where id = $1 returning id', [workerId, draining]))
        .length > 0,
  };
}

function queues(db: Database): Promise<Queue[]> {
  return db.query<Queue>(
    `select q.name, q.paused, q.drain_total is not null as draining, q.drain_total as "drainTotal", q.note, l.capacity, coalesce(n.waiting, 0) as waiting, coalesce(n.scheduled, 0) as scheduled,
       coalesce(n.queued, 0) as queued, coalesce(n.running, 0) as running
     from queues q
     left join lanes l on l.key = 'queue:' || q.name
     left join (
       select p.queue, count(*) filter (where t.state = 'waiting') as waiting, count(*) filter (where t.state = 'scheduled') as scheduled,
         count(*) filter (where t.state = 'queued') as queued, count(*) filter (where t.state = 'running') as running
       from ${liveJobs} t join places p on p.id = t.place group by p.queue
     ) n on n.queue = q.name
     order by q.name`,
  );
}

async function putQueue(
  db: Database,
  name: string,
  { paused, draining, note }: Parameters<FleetStore['putQueue']>[1],
): Promise<void> {
  await db.query(
    `insert into queues (name, paused, note) values ($1, coalesce($2, false), $3)
     on conflict (name) do update set paused = coalesce($2, queues.paused), note = case when $4 then $3 else queues.note end,
       drain_total = case when $5 then null else queues.drain_total end`,
    [name, paused ?? null, note ?? null, note !== undefined, draining === false],
  );
  if (draining) await beginDrain(db, name);
}

async function removeQueue(db: Database, name: string): Promise<'removed' | 'not_found' | 'in_use'> {
  // The foreign key of jobs would refuse it as well; this says it in our words.
  const [row] = await db.query<{ known: boolean; used: boolean }>(
    `select exists (select from queues where name = $1) as known, $1 = 'default' or exists (select from jobs where queue = $1) as used`,
    [name],
  );
  if (!row?.known) return 'not_found';
  if (row.used) return 'in_use';
  await db.query('delete from queues where name = $1', [name]);
  return 'removed';
}

const laneColumns = `l.key, l.capacity, l.taken, l.note,
  (select count(*) from queued t where t.state = 'waiting' and t.blocked_by = l.key) as waiting`;

/** A key that somebody gave a job is told to those who see such a job, and to all once it was changed like a limit. */
function lanes(db: Database, actor: Actor): Promise<Lane[]> {
  const seen = visibleTo(new Conditions(), actor);
  return db.query<Lane>(
    `select ${laneColumns} from lanes l
     where l.key not like 'key:%' or l.capacity <> 1 or l.note is not null
       or l.key in (select unnest(t.lanes) from ${liveJobs} t left join jobs job on job.id = t.job_id where ${seen.text})
     order by l.key`,
    seen.values,
  );
}

/**
 * A lane that is made while jobs run counts them from the start. The lock lets claims and ends that are under way finish
 * and no more begin: a claim that did not see the lane yet would not count in it.
 */
async function putLane(
  db: Database,
  key: string,
  { capacity, note }: { capacity: number; note?: string | null | undefined },
): Promise<Lane> {
  return db.transaction(async (tx) => {
    const [known] = await tx.query(
      `update lanes set capacity = $2, note = case when $4 then $3 else note end where key = $1 returning key`,
      [key, capacity, note ?? null, note !== undefined],
    );
    if (!known) await makeLane(tx, key, { capacity, note: note ?? null });
    const [lane] = await tx.query<Lane>(`select ${laneColumns} from lanes l where l.key = $1`, [key]);
    if (!lane) throw new Error(`the lane ${key} was just written`);
    return lane;
  });
}

async function makeLane(
  tx: Queryable,
  key: string,
  { capacity, note }: { capacity: number; note: string | null },
): Promise<void> {
  await tx.query('lock table running in share row exclusive mode');
  await tx.query(
    // Some may hold it from before: a lane of this key was removed while they ran.
    `with concerned as (
       update running r set lanes = r.lanes || $1::text from jobs job
       where job.id = r.job_id and $1 = any(job.lanes) and not $1 = any(r.lanes)
       returning r.job_id
     )
     insert into lanes (key, capacity, note, taken)
     select $1, $2, $3, (select count(*) from concerned) + (select count(*) from running where $1 = any(lanes))
     on conflict (key) do update set capacity = excluded.capacity, note = excluded.note`,
    [key, capacity, note],
  );
}

function workers(db: Database): ReturnType<FleetStore['workers']> {
  return db.query(
    `select w.id, w.name, w.host, w.pid, w.version, w.slots, w.queues, w.labels, w.kinds, w.state, w.draining, w.problem,
       w.started_at as "startedAt", w.seen_at as "seenAt",
       coalesce(r.running, 0) as running
     from workers w left join (select worker_id, count(*) as running from running group by 1) r on r.worker_id = w.id
     order by w.name, w.id`,
  );
}
