import type { UsualTime } from '../../contract/job.ts';
import type { UsualTimeReader, UsualTimes } from '../../domain/jobs/reader-ports.ts';
import { prepared, type Queryable } from './database.ts';
import { Conditions, visibleTo } from './jobs/conditions.ts';

/** So many of the newest jobs are looked at: a walk of a few milliseconds, whatever the size of the diary. */
const lookedAt = 5_000;
/** Fewer runs of the very same name say less than more runs of its like. */
const leastRuns = 3;

interface Row {
  kind: string;
  name: string | null;
  stem: string | null;
  runs: number;
  ms: [number, number, number];
}

const keptMs = 2_000;

/** Read at most every two seconds for those who see the same: pages ask for a job whenever something happens to it. */
export function createUsualTimeReader(db: Queryable): UsualTimeReader {
  const known = new Map<string, { times: Promise<UsualTimes>; untilMs: number }>();
  return {
    read: (actor) => {
      const nowMs = performance.now();
      for (const [key, { untilMs }] of known) if (nowMs > untilMs) known.delete(key);
      const conditions = visibleTo(new Conditions(), actor);
      const key = JSON.stringify([conditions.text, conditions.values]);
      const kept = known.get(key);
      if (kept) return kept.times;
      const times = readUsualTimes(db, conditions);
      known.set(key, { times, untilMs: nowMs + keptMs });
      times.catch(() => known.delete(key));
      return times;
    },
  };
}

/** Of recent successful runs: by kind and name, else by kind and first word of the name, else by kind. */
async function readUsualTimes(db: Queryable, conditions: Conditions): Promise<UsualTimes> {
  const rows = await db.query<Row>(
    prepared(
      `select kind, name, stem, count(*) as runs, percentile_cont(array[0.05, 0.5, 0.95]) within group (order by ms) as ms
       from (
         select n.kind, n.name, split_part(n.name, ' ', 1) as stem, extract(epoch from e.ended_at - e.started_at)::float8 * 1000 as ms
         from (
           select * from jobs job where ${conditions.text} order by job.id desc limit ${conditions.value(lookedAt)}
         ) n
         join ends e on e.job_id = n.id and e.state = 'succeeded' and e.started_at is not null
       ) runs
       group by grouping sets ((kind, name), (kind, stem), (kind))`,
    ),
    conditions.values,
  );
  const byName = new Map<string, UsualTime>();
  const byStem = new Map<string, UsualTime>();
  const byKind = new Map<string, UsualTime>();
  for (const row of rows) {
    if (row.name !== null) byName.set(`${row.kind} ${row.name}`, toUsual(row, 'name'));
    else if (row.stem !== null) byStem.set(`${row.kind} ${row.stem}`, toUsual(row, 'first word of the name'));
    else byKind.set(row.kind, toUsual(row, 'kind'));
  }
  return ({ kind, name }) => {
    const same = byName.get(`${kind} ${name}`);
    if (same && same.runs >= leastRuns) return same;
    const [stem = ''] = name.split(' ', 1);
    return byStem.get(`${kind} ${stem}`) ?? byKind.get(kind) ?? null;
  };
}

function toUsual({ runs, ms: [p5Ms, medianMs, p95Ms] }: Row, alike: UsualTime['alike']): UsualTime {
  return { medianMs, p5Ms, p95Ms, runs, alike };
}
