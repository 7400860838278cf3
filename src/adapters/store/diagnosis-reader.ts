import type { Queryable } from './database.ts';

/** What a database says of itself and of what depends on it. */
export interface Diagnosis {
  version: string;
  isReadOnly: boolean;
  sizeBytes: number;
  /** Settings that keep what was committed, and are not on. */
  unsafeSettings: string[];
  /** Positive: the database is ahead. */
  clockAheadMs: number;
}

export interface FleetDiagnosis {
  admins: number;
  /** Named secrets that are kept, sealed. */
  secrets: number;
  silentWorkers: { name: string; seconds: number }[];
  activeWorkers: number;
  /** Jobs that stand nowhere, or in several places at once; there should be none. */
  misplaced: number[];
  /** Rows that say where a job stands which is gone; there should be none. */
  strays: StrayRows[];
  unserved: { queue: string; needs: string[]; jobs: number; isPaused: boolean }[];
}

export interface StrayRows {
  table: 'queued' | 'running' | 'ends';
  rows: number;
  /** The first of the jobs that they name. */
  jobs: number[];
}

export async function diagnoseServer(db: Queryable): Promise<Diagnosis> {
  const askedMs = Date.now();
  const [row] = await db.query<Omit<Diagnosis, 'clockAheadMs'> & { now: Date }>(
    `select current_setting('server_version') as version, clock_timestamp() as now,
       pg_is_in_recovery() or current_setting('default_transaction_read_only')::bool as "isReadOnly",
       pg_database_size(current_database()) as "sizeBytes",
       array(
         select name from pg_settings where name in ('fsync', 'full_page_writes', 'synchronous_commit') and setting = 'off'
       ) as "unsafeSettings"`,
  );
  const answeredMs = Date.now();
  if (!row) throw new Error('the database does not know itself');
  const { now, ...facts } = row;
  return { ...facts, clockAheadMs: now.getTime() - (askedMs + answeredMs) / 2 };
}

/** @param silentSeconds without a beat a worker counts as silent */
export async function diagnoseFleet(db: Queryable, silentSeconds: number): Promise<FleetDiagnosis> {
  const [users] = await db.query<{ admins: number; secrets: number }>(
    `select (select count(*) from users where role = 'admin' and disabled_at is null) as admins,
       (select count(*) from secrets) as secrets`,
  );
  const workers = await db.query<{ name: string; seconds: number; isSilent: boolean }>(
    `select name, extract(epoch from now() - seen_at)::float8 as seconds,
       state = 'silent' or seen_at < now() - $1 * interval '1 second' as "isSilent"
     from workers where state = 'active' or (state = 'silent' and seen_at > now() - interval '7 days') order by name`,
    [silentSeconds],
  );
  const unserved = await db.query<FleetDiagnosis['unserved'][number]>(
    `select p.queue, p.needs, q.paused as "isPaused", sum(t.jobs) as jobs
     from (select place, kind, count(*) as jobs from queued where state = 'queued' group by place, kind) t
     join places p on p.id = t.place join queues q on q.name = p.queue
     where q.paused or not exists (
       select from workers w
       where w.state = 'active' and not w.draining and (p.queue = any(w.queues) or '*' = any(w.queues)) and p.needs <@ w.labels and t.kind = any(w.kinds)
     )
     group by 1, 2, 3 order by 4 desc limit 20`,
  );
  const misplaced = await db.query<{ id: number }>(
    `select job.id from jobs job left join ends e on e.job_id = job.id left join running r on r.job_id = job.id
     left join queued q on q.job_id = job.id
     where (e.job_id is not null)::int + (r.job_id is not null)::int + (q.job_id is not null)::int <> 1
     order by job.id limit 20`,
  );
  const strays = await db.query<StrayRows>(
    `select s."table", count(*) as rows, to_json((array_agg(s.job_id order by s.job_id))[:5]) as jobs
     from (
       select 'queued' as "table", job_id from queued
       union all select 'running', job_id from running
       union all select 'ends', job_id from ends
     ) s
     where not exists (select from jobs job where job.id = s.job_id) group by 1 order by 1`,
  );
  return {
    misplaced: misplaced.map(({ id }) => id),
    strays,
    admins: users?.admins ?? 0,
    secrets: users?.secrets ?? 0,
    silentWorkers: workers.filter(({ isSilent }) => isSilent),
    activeWorkers: workers.filter(({ isSilent }) => !isSilent).length,
    unserved,
  };
}
