/**
 * One thing over a time: how many of its parts were good in each slice, and since when they are as they are.
 *
 * The index by key has all that is counted, newest first, so at most `most` of its entries are read and of the table one
 * row, whatever else it holds. The index knows a key by 64 bits of its hash alone: should two ever have the same, they
 * would be counted together.
 */
import type { Actor } from '../../contract/actor.ts';
import type { PartSummary } from '../../contract/part.ts';
import type { PartStore } from '../../domain/reports/part-ports.ts';
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
  const conditions = new Conditions()
    .add('p.kind = ?', kind)
    .add('p.key_hash = hashtextextended(?, 0)', key)
    .add('p.ended_at >= ?', from)
    .add('p.ended_at < ?', until);
  const visible = visibleTo(new Conditions(conditions.values), actor);
  if (!visible.isEmpty)
    conditions.add(`exists (select from jobs job where job.id = p.job_id and ${visible.text})`);
  const sliceMs = (until.getTime() - from.getTime()) / slices;
  const [start, slice] = [conditions.value(from), conditions.value(sliceMs)];
  const [row] = await db.query<SummaryRow>(
    `with tests as materialized (
       select p.job_id, p.number, p.ended_at, p.verdict_tone, p.is_conclusive, p.took_ms
       from job_parts p where ${conditions.text} order by p.ended_at desc limit ${most}
     ), latest as (
       select * from tests order by ended_at desc, job_id desc limit 1
     ), sliced as (
       select date_bin(${slice}::float8 * interval '1 millisecond', ended_at, ${start}::timestamptz) as begun,
         count(*) filter (where verdict_tone = 'good') as good,
         count(*) filter (where verdict_tone = 'warn') as warn,
         count(*) filter (where verdict_tone = 'bad') as bad,
         percentile_cont(0.5) within group (order by took_ms) as "medianMs"
       from tests where is_conclusive group by 1
     )
     select
       (select json_build_object('jobId', p.job_id, 'number', p.number, 'key', p.key, 'endedAt', p.ended_at,
         'verdict', json_build_object('text', p.verdict, 'tone', p.verdict_tone),
         'isConclusive', p.is_conclusive, 'tookMs', p.took_ms)
         from latest join job_parts p using (job_id, number)) as latest,
       (select min(t.ended_at) from tests t where t.is_conclusive and t.ended_at > coalesce(
         (select max(o.ended_at) from tests o where o.is_conclusive and (o.verdict_tone = 'bad') <> (
           select n.verdict_tone = 'bad' from tests n where n.is_conclusive order by n.ended_at desc, n.job_id desc limit 1
         )), '-infinity'
       )) as "unchangedSince",
       (select count(*) from tests)::integer as counted,
       (select json_agg(json_build_object(
         'number', round(extract(epoch from begun - ${start}::timestamptz) * 1000 / ${slice}::float8)::integer,
         'good', good, 'warn', warn, 'bad', bad, 'medianMs', "medianMs") order by begun) from sliced) as slices`,
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
    .add('p.key_hash = hashtextextended(?, 0)', key)
    .add('p.key = ?', key);
}
