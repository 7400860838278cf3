import type { JobPart } from '../../contract/part.ts';
import type { DonePart, PartStore } from '../../domain/reports/part-ports.ts';
import type { Database } from './database.ts';
import { Conditions, visibleTo } from './jobs/conditions.ts';
import { ofKey, readPartSummary } from './part-summary-reader.ts';

/**
 * The row of the attempt is locked, so a part is written while the attempt runs or not at all: one that was given up
 * never overwrites what its successor did, and a removal of the job waits and then sees the parts.
 */
const appendStatement = {
  name: 'append-parts',
  text: `
with mine as materialized (
  select job_id, number from running where job_id = $1 and number = $2 and token = $3 for share
)
insert into job_parts (job_id, number, attempt, kind, key, ended_at, verdict, verdict_tone, is_conclusive, took_ms, facts)
select m.job_id, p.number, m.number, $4, p.key, p."endedAt", p.verdict ->> 'text', p.verdict ->> 'tone', coalesce(p."isConclusive", true), p."tookMs", p.facts
from mine m cross join json_to_recordset($5::json) as p
  (number integer, key text, "endedAt" timestamptz, verdict json, "isConclusive" boolean, "tookMs" float8, facts json)
on conflict (job_id, number) do update set attempt = excluded.attempt, key = excluded.key, ended_at = excluded.ended_at,
  verdict = excluded.verdict, verdict_tone = excluded.verdict_tone, took_ms = excluded.took_ms, facts = excluded.facts`,
};

const columns = `p.job_id as "jobId", p.number, p.key, p.ended_at as "endedAt",
  json_build_object('text', p.verdict, 'tone', p.verdict_tone) as verdict, p.is_conclusive as "isConclusive",
  p.took_ms as "tookMs", p.facts`;

type PartRow = Omit<JobPart, 'endedAt'> & { endedAt: Date };

export function createPartStore(db: Database): PartStore {
  return {
    append: async ({ jobId, number, token }, kind, parts) => {
      await db.query(appendStatement, [jobId, number, token, kind, JSON.stringify(parts)]);
    },
    // An attempt that came to an end of its own is followed by one that begins anew.
    done: ({ jobId, number }) =>
      db.query<DonePart>(
        `select number, key, json_build_object('text', verdict, 'tone', verdict_tone) as verdict,
           is_conclusive as "isConclusive", took_ms as "tookMs"
         from job_parts where job_id = $1 and attempt < $2 and attempt > coalesce((
           select max(a.number) from attempts a
           where a.job_id = $1 and a.number < $2 and a.state <> 'released' and a.reason is distinct from 'lost'
         ), 0) order by number`,
        [jobId, number],
      ),
    lastGood: async ({ kind, key, otherThan }, actor) => {
      const conditions = ofKey(visibleTo(new Conditions(), actor), kind, key)
        .add("p.verdict_tone = 'good'")
        .add('p.job_id <> ?', otherThan);
      const [row] = await db.query<{ jobId: number; facts: unknown }>(
        `select p.job_id as "jobId", p.facts from job_parts p join jobs job on job.id = p.job_id
         where ${conditions.text} order by p.ended_at desc limit 1`,
        conditions.values,
      );
      return row ?? null;
    },
    ofJob: ({ jobId, tone, after, limit }, actor) => {
      const conditions = visibleTo(new Conditions(), actor)
        .add('p.job_id = ?', jobId)
        .add('p.number > ?', after);
      if (tone !== null) conditions.add('p.verdict_tone = ?', tone);
      return read(db, conditions, `order by p.number limit ${conditions.value(limit)}`);
    },
    newest: ({ kind, key, since, limit, offset }, actor) => {
      const conditions = visibleTo(new Conditions(), actor);
      if (key === null) conditions.add('p.kind = ?', kind);
      else ofKey(conditions, kind, key);
      if (since) conditions.add('p.ended_at >= ?', since);
      const order = 'order by p.ended_at desc, p.job_id desc, p.number desc';
      const [most, passed] = [conditions.value(limit), conditions.value(offset)];
      return read(db, conditions, `${order} limit ${most} offset ${passed}`);
    },
    summary: (query, actor) => readPartSummary(db, query, actor),
  };
}

async function read(db: Database, conditions: Conditions, rest: string): Promise<JobPart[]> {
  const rows = await db.query<PartRow>(
    `select ${columns} from job_parts p join jobs job on job.id = p.job_id where ${conditions.text} ${rest}`,
    conditions.values,
  );
  return rows.map((row) => ({ ...row, endedAt: row.endedAt.toISOString() }));
}
