import { liveJobs } from './jobs/live.ts';
import type { GaugeReader, Figures } from '../../domain/metrics/ports.ts';
import type { Database } from './database.ts';

/** Longer than a scrape waits, so that what nobody waits for any more ends as well. */
const statementTimeoutMs = 3_000;

/** Costs what is alive, not what the diary remembers. */
const jobsStatement = `
select coalesce(p.queue, '') as queue, t.state, count(*) as count,
  coalesce(greatest(0, extract(epoch from now() - min(greatest(t.submitted_at, t.run_at)))), 0)::float8 as "oldestSeconds"
from ${liveJobs} t left join places p on p.id = t.place
group by 1, 2 order by 3 desc`;

/** Workers that ended long ago stay in the table; a monitoring has no use for them. */
const workersStatement = `
select w.name, w.state, w.slots, extract(epoch from now() - w.seen_at)::float8 as "silentSeconds",
  coalesce(r.running, 0) as running
from workers w left join (select worker_id, count(*) as running from running group by 1) r on r.worker_id = w.id
where w.state = 'active' or w.seen_at > now() - interval '1 day'
order by w.state, w.name`;

const serverStatement = `
select pg_database_size(current_database()) as "databaseBytes", age(d.datfrozenxid) as "transactionAge",
  (select count(*) from pg_stat_activity where datname = current_database()) as connections,
  coalesce((
    select extract(epoch from max(clock_timestamp() - xact_start)) from pg_stat_activity
    where datname = current_database() and pid <> pg_backend_pid()
  ), 0)::float8 as "oldestTransactionSeconds"
from pg_database d where d.datname = current_database()`;

type ServerRow = Omit<Figures, 'jobs' | 'workers'>;

export function createGaugeReader(db: Database): GaugeReader {
  return {
    read: () =>
      db.transaction(async (tx) => {
        await tx.query(`set local statement_timeout = ${statementTimeoutMs}`);
        const jobs = await tx.query<Figures['jobs'][number]>(jobsStatement);
        const workers = await tx.query<Figures['workers'][number]>(workersStatement);
        const [server] = await tx.query<ServerRow>(serverStatement);
        if (!server) throw new Error('the database does not know itself');
        return { jobs, workers, ...server };
      }),
  };
}
