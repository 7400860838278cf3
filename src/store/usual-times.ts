import type { Queryable } from './database.ts';

/** How long jobs like this one took, in milliseconds; null where no past run tells. */
export type UsualTimes = (job: { kind: string; name: string }) => number | null;

/** So many of the newest jobs are looked at: a walk of a few milliseconds, whatever the size of the diary. */
const lookedAt = 5_000;
/** Fewer runs of the very same name say less than more runs of its like. */
const leastRuns = 3;

const statement = {
  name: 'usual-times',
  text: `
select kind, name, stem, count(*) as runs, percentile_cont(0.5) within group (order by ms) as ms
from (
  select kind, name, split_part(name, ' ', 1) as stem, extract(epoch from ended_at - started_at) * 1000 as ms
  from (select * from jobs order by id desc limit $1) newest
  where state = 'succeeded' and started_at is not null
) runs
group by grouping sets ((kind, name), (kind, stem), (kind))`,
};

interface Row {
  kind: string;
  name: string | null;
  stem: string | null;
  runs: number;
  ms: number;
}

/** Medians of recent successful runs: by kind and name, else by kind and first word of the name, else by kind. */
export async function readUsualTimes(db: Queryable): Promise<UsualTimes> {
  const rows = await db.query<Row>(statement, [lookedAt]);
  const byName = new Map<string, Row>();
  const byStem = new Map<string, number>();
  const byKind = new Map<string, number>();
  for (const row of rows) {
    if (row.name !== null) byName.set(`${row.kind} ${row.name}`, row);
    else if (row.stem !== null) byStem.set(`${row.kind} ${row.stem}`, row.ms);
    else byKind.set(row.kind, row.ms);
  }
  return ({ kind, name }) => {
    const same = byName.get(`${kind} ${name}`);
    if (same && same.runs >= leastRuns) return same.ms;
    const [stem = ''] = name.split(' ', 1);
    return byStem.get(`${kind} ${stem}`) ?? byKind.get(kind) ?? null;
  };
}
