/**
 * One thing over a time: how many of its parts were good in each slice, and since when they are as they are.
 *
 * The index by key gives its parts newest first, so at most `most` rows are read, whatever else the table holds; facts
 * are not touched.
 */
import type { Actor } from '../contract/actor.ts';
import type { PartSummary } from '../contract/part.ts';
import type { PartStore } from '../parts/ports.ts';
import type { Database } from './database.ts';
import { Conditions, visibleTo } from './jobs/conditions.ts';

const most = 100_000;

interface SummaryRow {
  latest: (Omit<NonNullable<PartSummary['latest']>, 'endedAt'> & { endedAt: string }) | null;
  unchangedSince: Date | null;
  counted: number;
  slices: PartSummary['slices'] | null;
}

export async function readPartSummary(
  db: Database,
  { kind, key, from, until, slices }: Parameters<PartStore['summary']>[0],
  actor: Actor,
): Promise<PartSummary> {
  const conditions = ofKey(visibleTo(new Conditions(), actor), kind, key)
    .add('p.ended_at >= ?', from)
    .add('p.ended_at < ?', until);
  const [start, sliceMs] = [
    conditions.value(from),
    conditions.value((until.getTime() - from.getTime()) / slices),
  ];
  const [row] = await db.query<SummaryRow>(
    `with tests as materialized (
       select p.job_id, p.number, p.key, p.ended_at, p.verdict, p.verdict_tone, p.took_ms
       from job_parts p join jobs j on j.id = p.job_id
       where ${conditions.text} order by p.ended_at desc limit ${most}
     ), latest as (
       select * from tests order by ended_at desc, job_id desc limit 1
     ), sliced as (
       select floor(extract(epoch from ended_at - ${start}::timestamptz) * 1000 / ${sliceMs}::float8)::integer as number,
         count(*) filter (where verdict_tone = 'good') as good,
         count(*) filter (where verdict_tone = 'warn') as warn,
         count(*) filter (where verdict_tone = 'bad') as bad,
         percentile_cont(0.5) within group (order by took_ms) as "medianMs"
       from tests group by 1
     )
     select
       (select json_build_object('jobId', job_id, 'number', number, 'key', key, 'endedAt', ended_at,
         'verdict', json_build_object('text', verdict, 'tone', verdict_tone), 'tookMs', took_ms) from latest) as latest,
       (select min(t.ended_at) from tests t where t.ended_at > coalesce(
         (select max(o.ended_at) from tests o, latest l where o.verdict_tone <> l.verdict_tone), '-infinity'
       )) as "unchangedSince",
       (select count(*) from tests)::integer as counted,
       (select json_agg(s order by s.number) from sliced s) as slices`,
    conditions.values,
  );
  return {
    from: from.toISOString(),
    until: until.toISOString(),
    latest: row?.latest ? { ...row.latest, endedAt: new Date(row.latest.endedAt).toISOString() } : null,
    unchangedSince: row?.unchangedSince?.toISOString() ?? null,
    isCut: row?.counted === most,
    slices: row?.slices ?? [],
  };
}

/** A key may be longer than an index takes, so it is found by its hash. */
export function ofKey(conditions: Conditions, kind: string, key: string): Conditions {
  return conditions
    .add('p.kind = ?', kind)
    .add('hashtextextended(p.key, 0) = hashtextextended(?, 0)', key)
    .add('p.key = ?', key);
}
