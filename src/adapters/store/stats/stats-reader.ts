import { isSqlError } from '../sqlstates.ts';
import type { Actor } from '../../../contract/actor.ts';
import { bucketEdges } from '../../../contract/calendar.ts';
import { AppError } from '../../../contract/errors.ts';
import type { DiskHistory, Grouping, JobCounts, JobTimes } from '../../../contract/stats.ts';
import type { JobSearch } from '../../../domain/diary/ports.ts';
import type { StatsReader, StatsRequest } from '../../../domain/diary/stats-ports.ts';
import type { Database } from '../database.ts';
import { chooseJobs, type ChosenJobs } from './chosen-jobs.ts';
import { readQueueHistory } from './queue-history.ts';

/** Groups that are named; the others are counted together. */
const mostGroups = 9;
const mostPoints = 600;
const mostTakers = 10;
const statementTimeoutMs = 10_000;

/** Steps that people think in, about three to a power of ten. */
const edgesMs = [
  100, 300, 1_000, 3_000, 10_000, 30_000, 60_000, 180_000, 600_000, 1_800_000, 3_600_000, 10_800_000,
  36_000_000, 86_400_000, 259_200_000, 864_000_000,
];

const groupColumns: Record<Grouping, string> = {
  state: 'job.state',
  kind: 'job.kind',
  owner: 'job.owner',
  project: 'job.project',
  queue: 'job.queue',
  reason: 'job.reason',
  worker: `case when job.state = 'running' then (select r.worker_name from running r where r.job_id = job.id)
    else (select a.worker_name from attempts a where a.job_id = job.id and a.number = job.attempt) end`,
};

/** Those that stand beside the state, as the times of a job do. */
const besideState: readonly Grouping[] = ['state', 'reason', 'owner', 'worker'];

const spanColumns = {
  run: 'job.ended_at - job.started_at',
  wait: 'coalesce(job.started_at, job.ended_at) - job.submitted_at',
};

/** @param options.mostJobs above so many in the time asked for, a part of them is looked at */
export function createStatsReader(
  db: Database,
  search: JobSearch,
  options: { mostJobs?: number } = {},
): StatsReader {
  const choose = (request: StatsRequest, actor: Actor, by?: Grouping): Promise<ChosenJobs> => {
    const endsTell = by !== undefined && besideState.includes(by);
    return chooseJobs({ db, search, ...options }, { ...request, endsTell }, actor);
  };
  return {
    counts: async ({ by, bucket, ...request }, actor) => {
      const chosen = await choose(request, actor, by);
      const edges = bucketEdges({ ...request, bucket });
      return { ...headOf(request, chosen), bucket, by, ...(await count(db, chosen, { by, edges })) };
    },
    times: async ({ by, of, ...request }, actor) => {
      const chosen = await choose(request, actor, by);
      return { ...headOf(request, chosen), of, by, edgesMs, groups: await spread(db, chosen, { by, of }) };
    },
    disk: async (request, actor) => {
      const chosen = await choose(request, actor);
      return { ...headOf(request, chosen), ...(await readDisk(db, chosen)) };
    },
    queues: (request, actor) => readQueueHistory(db, request, actor),
  };
}

function headOf(
  { from, until, timezone }: StatsRequest,
  { every }: ChosenJobs,
): Pick<JobCounts, 'from' | 'until' | 'timezone' | 'every'> {
  return { from: from.toISOString(), until: until.toISOString(), timezone, every };
}

async function count(
  db: Database,
  { source, conditions, every }: ChosenJobs,
  { by, edges }: { by: Grouping; edges: readonly Date[] },
): Promise<Pick<JobCounts, 'groups' | 'items'>> {
  const list = conditions.value(edges);
  const rows = await askInTime<{ slot: number; name: string | null; isRest: boolean; jobs: number }>(
    db,
    `with counted as (
       select width_bucket(job.submitted_at, ${list}::timestamptz[]) as slot, ${groupColumns[by]} as name, count(*) as jobs
       from ${source} where ${conditions.text} group by 1, 2
     ), ${largest('counted')}
     select c.slot, t.name, t.jobs is null as "isRest", sum(c.jobs) as jobs
     from counted c left join largest t on t.name is not distinct from c.name
     group by 1, 2, 3`,
    conditions.values,
  );
  const groups = new Map<string, { name: string | null; isRest: boolean; jobs: number }>();
  for (const { name, isRest, jobs } of rows) {
    const key = JSON.stringify([isRest, name]);
    const group = groups.get(key) ?? { name, isRest, jobs: 0 };
    group.jobs += jobs * every;
    groups.set(key, group);
  }
  const inOrder = [...groups.values()].toSorted(
    (a, b) => Number(a.isRest) - Number(b.isRest) || b.jobs - a.jobs,
  );
  const column = (row: { name: string | null; isRest: boolean }): number =>
    inOrder.findIndex(({ name, isRest }) => name === row.name && isRest === row.isRest);
  const items = edges.slice(0, -1).map((from, index) => ({
    from: from.toISOString(),
    until: edges[index + 1]?.toISOString() ?? '',
    jobs: inOrder.map(() => 0),
  }));
  for (const row of rows) {
    const jobs = items[row.slot - 1]?.jobs;
    if (jobs) jobs[column(row)] = row.jobs * every;
  }
  return { groups: inOrder, items };
}

async function spread(
  db: Database,
  { source, conditions, every }: ChosenJobs,
  { by, of }: { by: Grouping; of: keyof typeof spanColumns },
): Promise<JobTimes['groups']> {
  const edges = conditions.value(edgesMs);
  const rows = await askInTime<Spread>(
    db,
    `with spans as materialized (
       select greatest(0, extract(epoch from ${spanColumns[of]})::float8 * 1000) as ms, ${groupColumns[by]} as name
       from ${source} where ${conditions.text} and ${spanColumns[of]} is not null
     ), counted as (select name, count(*) as jobs from spans group by name), ${largest('counted')},
     named as materialized (
       select t.name, t.jobs is null as rest, s.ms, width_bucket(s.ms, ${edges}::float8[]) as bin
       from spans s left join largest t on t.name is not distinct from s.name
     ), binned as (select name, rest, bin, count(*) as jobs from named group by name, rest, bin)
     select name, rest as "isRest", count(*) as jobs, percentile_cont(0.5) within group (order by ms) as "medianMs",
       percentile_cont(0.95) within group (order by ms) as "p95Ms",
       (select json_object_agg(b.bin, b.jobs) from binned b where b.rest = g.rest and b.name is not distinct from g.name) as bins
     from named g group by name, rest order by rest, jobs desc`,
    conditions.values,
  );
  return rows.map(({ bins, jobs, medianMs, p95Ms, ...row }) => ({
    ...row,
    medianMs: Math.round(medianMs),
    p95Ms: Math.round(p95Ms),
    jobs: jobs * every,
    bins: Array.from({ length: edgesMs.length + 1 }, (_, bin) => (bins[bin] ?? 0) * every),
  }));
}

type Spread = Omit<JobTimes['groups'][number], 'bins'> & { bins: Record<number, number> };

/** Which groups are named, as a part of a `with`. */
function largest(counted: string): string {
  return `largest as (
    select name, sum(jobs) as jobs from ${counted} group by name order by jobs desc, name limit ${mostGroups}
  )`;
}

async function readDisk(
  db: Database,
  { source, conditions }: ChosenJobs,
): Promise<Pick<DiskHistory, 'items' | 'takers'>> {
  const ended = `select a.job_id, job.name, a.ended_at, a.free_before_kib, a.free_after_kib
    from ${source} join attempts a on a.job_id = job.id
    where ${conditions.text} and a.free_after_kib is not null`;
  const [row] = await askInTime<{ items: DiskHistory['items'] | null; takers: DiskHistory['takers'] | null }>(
    db,
    `with ended as materialized (${ended}), slots as (
       select distinct on (slot) e.* from (
         select *, ntile(${mostPoints}) over (order by ended_at) as slot from ended
       ) e order by slot, free_after_kib, ended_at
     )
     select (
       select json_agg(json_build_object('at', ${iso('ended_at')}, 'jobId', job_id, 'freeBytes', free_after_kib * 1024) order by ended_at)
       from slots
     ) as items, (
       select json_agg(json_build_object('jobId', job_id, 'name', name, 'at', ${iso('ended_at')}, 'tookBytes', (free_before_kib - free_after_kib) * 1024))
       from (
         select * from ended where free_before_kib > free_after_kib
         order by free_before_kib - free_after_kib desc limit ${mostTakers}
       ) most
     ) as takers`,
    conditions.values,
  );
  return { items: row?.items ?? [], takers: row?.takers ?? [] };
}

function iso(column: string): string {
  return `to_char(${column} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;
}

async function askInTime<Row>(db: Database, text: string, values: readonly unknown[]): Promise<Row[]> {
  try {
    return await db.transaction(async (tx) => {
      await tx.query(`select set_config('statement_timeout', '${statementTimeoutMs}', true)`);
      return tx.query<Row>(text, values);
    });
  } catch (error) {
    if (!isSqlError(error, 'queryCanceled')) throw error;
    throw new AppError(
      'conflict',
      `Counting took longer than ${statementTimeoutMs / 1_000} s. Choose a shorter time or a narrower filter.`,
      { cause: error },
    );
  }
}
