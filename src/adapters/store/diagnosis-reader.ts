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
  unserved: { queue: string; needs: string[]; jobs: number; isPaused: boolean }[];
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
    `select j.queue, j.needs, q.paused as "isPaused", count(*) as jobs
     from jobs j join queues q on q.name = j.queue
     where j.state = 'queued' and (q.paused or not exists (
       select from workers w
       where w.state = 'active' and not w.draining and (j.queue = any(w.queues) or '*' = any(w.queues)) and j.needs <@ w.labels and j.kind = any(w.kinds)
     ))
     group by 1, 2, 3 order by 4 desc limit 20`,
  );
  return {
    admins: users?.admins ?? 0,
    secrets: users?.secrets ?? 0,
    silentWorkers: workers.filter(({ isSilent }) => isSilent),
    activeWorkers: workers.filter(({ isSilent }) => !isSilent).length,
    unserved,
  };
}
