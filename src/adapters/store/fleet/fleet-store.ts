import { liveStates } from '../jobs/live.ts';
import type { Actor } from '../../../contract/actor.ts';
import type { Lane, Queue } from '../../../contract/fleet.ts';
import type { FleetStore } from '../../../domain/fleet/ports.ts';
import type { Database } from '../database.ts';
import { Conditions, visibleTo } from '../jobs/conditions.ts';
import { beginDrain } from './queue-drain.ts';

export function createFleetStore(db: Database): FleetStore {
  return {
    queues: () => queues(db),
    putQueue: (name, change) => putQueue(db, name, change),
    removeQueue: (name) => removeQueue(db, name),
    places: (queue) => db.query('select queue, needs from queue_needs where queue = $1', [queue]),
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
       select queue, count(*) filter (where state = 'waiting') as waiting, count(*) filter (where state = 'scheduled') as scheduled,
         count(*) filter (where state = 'queued') as queued, count(*) filter (where state = 'running') as running
       from jobs where state in ${liveStates} group by queue
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
  (select count(*) from jobs j where j.state = 'waiting' and j.blocked_by = l.key) as waiting`;

/** A key that somebody gave a job is told to those who see such a job, and to all once it was changed like a limit. */
function lanes(db: Database, actor: Actor): Promise<Lane[]> {
  const seen = visibleTo(new Conditions().add(`j.state in ${liveStates}`), actor);
  return db.query<Lane>(
    `select ${laneColumns} from lanes l
     where l.key not like 'key:%' or l.capacity <> 1 or l.note is not null
       or l.key in (select unnest(j.lanes) from jobs j where ${seen.text})
     order by l.key`,
    seen.values,
  );
}

/**
 * A lane that is made while jobs run counts them from the start: those attempts get the key, under the lock that keeps
 * a claim of the same lane waiting.
 */
async function putLane(
  db: Database,
  key: string,
  { capacity, note }: { capacity: number; note?: string | null | undefined },
): Promise<Lane> {
  return db.transaction(async (tx) => {
    const [row] = await tx.query<{ isNew: boolean }>(
      `insert into lanes (key, capacity, note) values ($1, $2, $3)
       on conflict (key) do update set capacity = $2, note = case when $4 then $3 else lanes.note end
       returning xmax = 0 as "isNew"`,
      [key, capacity, note ?? null, note !== undefined],
    );
    if (row?.isNew) {
      await tx.query(
        `with concerned as materialized (
           select a.job_id, a.number from attempts a join jobs j on j.id = a.job_id
           where a.state = 'running' and $1 = any(j.lanes) and not $1 = any(a.lanes)
           order by a.job_id for update of a
         )
         update attempts a set lanes = a.lanes || $1::text
         from concerned c where a.job_id = c.job_id and a.number = c.number and not $1 = any(a.lanes)`,
        [key],
      );
      await tx.query(
        `update lanes set taken = (select count(*) from attempts a where a.state = 'running' and $1 = any(a.lanes)) where key = $1`,
        [key],
      );
    }
    const [lane] = await tx.query<Lane>(`select ${laneColumns} from lanes l where l.key = $1`, [key]);
    if (!lane) throw new Error(`the lane ${key} was just written`);
    return lane;
  });
}

function workers(db: Database): ReturnType<FleetStore['workers']> {
  return db.query(
    `select w.id, w.name, w.host, w.pid, w.version, w.slots, w.queues, w.labels, w.kinds, w.state, w.draining, w.problem,
       w.started_at as "startedAt", w.seen_at as "seenAt",
       (select count(*) from attempts a where a.worker_id = w.id and a.state = 'running') as running
     from workers w order by w.name, w.id`,
  );
}
