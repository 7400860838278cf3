import type { Database } from '../../src/adapters/store/database.ts';

/** Numbers of transactions at this moment: the oldest that is under way, and the next one to begin. */
export async function readTransactions(db: Database): Promise<{ oldest: bigint; next: bigint }> {
  const [row] = await db.query<{ oldest: string; next: string }>(
    'select pg_snapshot_xmin(s)::text as oldest, pg_snapshot_xmax(s)::text as next from pg_current_snapshot() s',
  );
  if (!row) throw new Error('the database knows no snapshot');
  return { oldest: BigInt(row.oldest), next: BigInt(row.next) };
}

/** What may never be, each in one statement: of the number of rows that it finds. */
const impossible: Record<string, string> = {
  'jobs in no table': `select from jobs j where j.id > $1 and not exists (select from queued where job_id = j.id)
    and not exists (select from running where job_id = j.id) and not exists (select from ends where job_id = j.id)`,
  'jobs in two tables': `select job_id from (
      select job_id from queued union all select job_id from running union all select job_id from ends
    ) x where job_id > $1 group by job_id having count(*) > 1`,
  'rows without their job': `select from (
      select job_id from queued union all select job_id from running union all select job_id from ends
      union all select job_id from attempts
    ) x where job_id > $1 and not exists (select from jobs where id = job_id)`,
  'lanes that miscount': `select from lanes l where $1::bigint is not null
    and taken <> (select count(*) from running r where l.key = any(r.lanes))`,
  'jobs that run without a lane they need': `select from running r join jobs j on j.id = r.job_id join lanes l on l.key = any(j.lanes)
    where r.job_id > $1 and r.runs_by = 'slot' and not l.key = any(r.lanes)`,
  'waiting jobs that stand elsewhere in their record': `select from queued q join jobs j on j.id = q.job_id left join places p on p.id = q.place
    where q.job_id > $1 and (q.priority <> j.priority or q.lanes <> j.lanes or q.kind <> j.kind
      or p.queue is distinct from j.queue or p.needs is distinct from j.needs)`,
  'running jobs that stand elsewhere in their record': `select from running r join jobs j on j.id = r.job_id left join places p on p.id = r.place
    where r.job_id > $1 and (p.queue is distinct from j.queue or (r.place is not null and p.needs <> j.needs)
      or (r.runs_by = 'external') <> (r.place is null))`,
  'ended jobs that stand elsewhere in their record': `select from ends e join jobs j on j.id = e.job_id left join places p on p.id = e.place
    where e.job_id > $1 and (p.queue is distinct from j.queue or (e.place is not null and p.needs <> j.needs))`,
  'rows that differ from their job in when and whose it is': `select from (
      select job_id, submitted_at, owner from queued union all select job_id, submitted_at, owner from running
      union all select job_id, submitted_at, owner from ends
    ) x join jobs j on j.id = x.job_id
    where x.job_id > $1 and (x.submitted_at, x.owner) is distinct from (j.submitted_at, j.owner)`,
};

/** Looks at all of them by one snapshot. @param from only jobs with larger numbers; lanes are always looked at */
export async function lookForTheImpossible(db: Database, from: number): Promise<string[]> {
  const counts = Object.entries(impossible).map(
    ([name, text]) => `(select count(*) from (${text}) x) as "${name}"`,
  );
  const [row] = await db.query<Record<string, number>>(`select ${counts.join(',\n')}`, [from]);
  return Object.entries(row ?? {}).flatMap(([name, count]) => (count > 0 ? [`${name}: ${count}`] : []));
}
