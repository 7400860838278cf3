import { tones } from '../../../contract/states.ts';
import { statesOf } from '../../../contract/filter/meaning.ts';
import { resolveMoments } from '../../../contract/filter/moments.ts';
import type { KeyTerm, Range, Value } from '../../../contract/filter/filter.ts';
import type { KeyName } from '../../../contract/filter/keys.ts';
import { toUid } from '../../../contract/uid.ts';
import { argumentFacetOf } from '../../../contract/words.ts';
import type { Actor } from '../../../contract/actor.ts';
import { isInState } from '../jobs/in-states.ts';
import { facetQuery } from './tsquery.ts';

/** SQL on `job`, a row of `job_rows`, and on `w`, its words, where `readsWords`; `?` stands for the next value. */
export interface Condition {
  sql: string;
  values: unknown[];
  readsWords?: boolean;
}

export interface ConditionContext {
  now: Date;
  timezone: string;
  actor: Actor;
}

/** What a key compares with, as SQL. */
const columns = {
  id: 'job.id',
  kind: 'job.kind',
  name: 'job.name',
  owner: 'job.owner',
  project: 'job.project',
  queue: 'job.queue',
  reason: 'job.reason',
  analysis: 'job.analysis',
  assessment: 'job.assessment',
  parent: 'job.parent_id',
  submitted: 'job.submitted_at',
  started: 'job.started_at',
  ended: 'job.ended_at',
} as const satisfies Partial<Record<KeyName, string>>;

/** Where the values stand that are many, or in another table; `#` is the condition on the alias of the last column. */
const lookups = {
  tag: { column: 'v', sql: 'exists (select from unnest(job.tags) v where #)' },
  label: { column: 'v', sql: 'exists (select from unnest(job.needs) v where #)' },
  lane: { column: 'v', sql: 'exists (select from unnest(job.lanes) v where #)' },
  // `offset 0`: looked up job by job; as a join the planner may read all attempts for a few jobs.
  worker: {
    column: 'a.worker_name',
    sql: 'exists (select from attempt_rows a where a.job_id = job.id and a.number = job.attempt and # offset 0)',
  },
  exit: {
    column: 'a.exit_code',
    sql: 'exists (select from attempt_rows a where a.job_id = job.id and a.number = job.attempt and # offset 0)',
  },
  after: {
    column: 'd.on_job_id',
    sql: 'exists (select from job_dependencies d where d.job_id = job.id and #)',
  },
  foreign: {
    column: 's.foreign_id',
    sql: 'exists (select from source_identities s where s.job_id = job.id and #)',
  },
  source: {
    column: 's.source',
    sql: 'exists (select from source_identities s where s.job_id = job.id and #)',
  },
} as const satisfies Partial<Record<KeyName, { column: string; sql: string }>>;

type ColumnKey = keyof typeof columns;
type LookupKey = keyof typeof lookups;
/** Keys with a condition of their own. One that is new here fails to compile in `valueCondition`. */
type OtherKey = Exclude<KeyName, ColumnKey | LookupKey | 'args'>;

/** True for jobs that have one of the values. */
export function keyCondition({ key, path, values }: KeyTerm, context: ConditionContext): Condition {
  if (key === 'args') {
    const query = facetQuery(values, (value) => argumentFacetOf(path ?? '', value));
    return { sql: 'w.words @@ ?::tsquery', values: [query], readsWords: true };
  }
  if (isColumn(key)) return anyOf(values.map((value) => compare(columns[key], value, context)));
  if (!isLookup(key)) return anyOf(values.map((value) => valueCondition(key, value, context)));
  const lookup = lookups[key];
  const inner = anyOf(values.map((value) => compare(lookup.column, value, context)));
  return { ...inner, sql: lookup.sql.replace('#', () => inner.sql) };
}

export function anyOf(conditions: readonly Condition[]): Condition {
  const sql = conditions.map((condition) => condition.sql).join(' or ');
  return {
    sql: conditions.length === 1 ? sql : `(${sql})`,
    values: conditions.flatMap((condition) => condition.values),
    readsWords: conditions.some((condition) => condition.readsWords),
  };
}

function isColumn(key: KeyName): key is ColumnKey {
  return Object.hasOwn(columns, key);
}

function isLookup(key: KeyName): key is LookupKey {
  return Object.hasOwn(lookups, key);
}

function valueCondition(key: OtherKey, value: Value, context: ConditionContext): Condition {
  switch (key) {
    case 'uid':
      return uidCondition(value);
    case 'state':
      return stateCondition(value);
    case 'family':
      return familyCondition(value);
    case 'verdict':
      return verdictCondition(value);
    case 'keep':
      return plain(value.type === 'choice' ? `job.keep = ${value.choice === 'yes'}` : 'true');
    case 'base':
      return baseCondition(value);
    case 'wall':
      return durationCondition(wallMs, value, context);
    case 'wait':
      return durationCondition(waitMs, value, context);
    case 'has':
      return plain(value.type === 'choice' ? (belongings[value.choice] ?? 'false') : 'true');
    case 'is':
      return isCondition(value, context);
    case 'show':
      // Lifts what else is hidden (filter-plan.ts), and leaves nothing out by itself.
      return plain('true');
  }
}

function plain(sql: string): Condition {
  return { sql, values: [] };
}

function compare(column: string, value: Value, { now, timezone }: ConditionContext): Condition {
  switch (value.type) {
    case 'any':
      return plain(`${column} is not null`);
    case 'text':
      return compareText(column, value);
    case 'choice':
      return plain(`${column} = '${value.choice}'`);
    case 'number':
    case 'duration':
      return between(column, value.range);
    case 'moment': {
      const { fromMs, untilMs } = resolveMoments(value.range, { now, timezone });
      const parts: string[] = [];
      const values: number[] = [];
      for (const [operator, ms] of [
        ['>=', fromMs],
        ['<', untilMs],
      ] as const) {
        if (ms === null) continue;
        parts.push(`${column} ${operator} timestamptz 'epoch' + ?::bigint * interval '1 millisecond'`);
        values.push(ms);
      }
      return { sql: `(${parts.join(' and ')})`, values };
    }
  }
}

function between(sql: string, { from, to }: Range<number>, inner: readonly unknown[] = []): Condition {
  const bounds = [from && (['>', from] as const), to && (['<', to] as const)].filter(
    (bound) => bound !== null,
  );
  const parts = bounds.map(
    ([operator, { isIncluded }]) => `${sql} ${operator}${isIncluded ? '=' : ''} ?::bigint`,
  );
  return { sql: `(${parts.join(' and ')})`, values: bounds.flatMap(([, { at }]) => [...inner, at]) };
}

function uidCondition(value: Value): Condition {
  if (value.type !== 'text') return plain('true');
  if (!value.isExact)
    return { sql: 'starts_with(job.uid::text, ?::text)', values: [value.text.toLowerCase()] };
  const uid = toUid(value.text);
  return uid === null ? plain('false') : { sql: 'job.uid = ?::uuid', values: [uid] };
}

function stateCondition(value: Value): Condition {
  return plain(value.type === 'choice' ? isInState(statesOf(value.choice)) : 'true');
}

/** The ids are of our making, so they are compared as they are, by the index. */
function familyCondition(value: Value): Condition {
  if (value.type !== 'text') return plain('job.family is not null');
  return value.isExact
    ? { sql: 'job.family = ?::text', values: [value.text] }
    : { sql: 'starts_with(job.family, ?::text)', values: [value.text] };
}

function verdictCondition(value: Value): Condition {
  const text = 'coalesce(job.own_verdict, job.verdict)';
  if (value.type !== 'text') return plain(`${text} is not null`);
  const tone = tones.find((known) => known === value.text.toLowerCase());
  if (!tone || !value.isExact) return compareText(text, value);
  const named = compareText(text, value);
  return { ...named, sql: `(coalesce(job.own_verdict_tone, job.verdict_tone) = '${tone}' or ${named.sql})` };
}

/** The database folds both sides, so that they agree whatever its locale. */
function compareText(column: string, { text, isExact }: Extract<Value, { type: 'text' }>): Condition {
  const [own, sought] = [fold(column), fold('?::text')];
  return { sql: isExact ? `${own} = ${sought}` : `starts_with(${own}, ${sought})`, values: [text] };

  /** Names of people are composed when they are made, and their index has them without that. */
  function fold(sql: string): string {
    return column === columns.owner ? `lower(${sql})` : `lower(normalize(${sql}))`;
  }
}

function baseCondition(value: Value): Condition {
  if (value.type !== 'number') return plain('exists (select from base_runs b where b.job_id = job.id)');
  const { sql, values } = between('b.base_job_id', value.range);
  const { from, to } = value.range;
  // At its source a base run may be known by a number of its own.
  const isOne = from !== null && to !== null && from.at === to.at;
  return {
    sql: `exists (select from base_runs b where b.job_id = job.id and (${sql}${isOne ? ' or b.foreign_id = ?::text' : ''}))`,
    values: isOne ? [...values, String(from.at)] : values,
  };
}

const wallMs = `extract(epoch from (case when job.state = 'running' then ?::timestamptz else job.ended_at end) - job.started_at) * 1000`;
const waitMs = `extract(epoch from coalesce(job.started_at, case when job.ended_at is null then ?::timestamptz else job.ended_at end) - job.submitted_at) * 1000`;

function durationCondition(sql: string, value: Value, { now }: ConditionContext): Condition {
  if (value.type !== 'duration') return { sql: `${sql} is not null`, values: [now] };
  return between(sql, value.range, [now]);
}

const belongings: Record<string, string> = {
  result: 'exists (select from job_results r where r.job_id = job.id)',
  output:
    'exists (select from attempt_rows a where a.job_id = job.id and a.stdout_bytes + a.stderr_bytes > 0 and a.output_removed_at is null offset 0)',
  files: 'exists (select from artifacts f where f.job_id = job.id)',
  info: `exists (select from job_notes n where n.job_id = job.id and n.info <> '')`,
  summary: `exists (select from job_notes n where n.job_id = job.id and n.summary <> '')`,
  base: 'exists (select from base_runs b where b.job_id = job.id)',
};

function isCondition(value: Value, { actor }: ConditionContext): Condition {
  if (value.type !== 'choice') return plain('true');
  switch (value.choice) {
    case 'mine':
      // The name for its index; the account decides. Of `is not distinct from` the planner expects next to nothing.
      return actor.accountId === null
        ? { sql: 'lower(job.owner) = lower(?::text) and job.owner_id is null', values: [actor.name] }
        : {
            sql: 'lower(job.owner) = lower(?::text) and job.owner_id = ?::bigint',
            values: [actor.name, actor.accountId],
          };
    case 'late':
      return plain('exists (select from late_results l where l.job_id = job.id)');
    case 'retried':
      return plain('job.attempt - job.released > 1');
    default:
      return stateCondition(value);
  }
}
