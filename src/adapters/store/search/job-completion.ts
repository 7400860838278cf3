import type { Actor } from '../../../contract/actor.ts';
import type { Filter, Term } from '../../../contract/filter/filter.ts';
import type { KeyName } from '../../../contract/filter/keys.ts';
import { argumentsOf, foldWord } from '../../../contract/words.ts';
import type { CompletionRequest, JobCompletion, JobSearch } from '../../../domain/diary/ports.ts';
import type { Database } from '../database.ts';
import { Conditions, visibleTo } from '../jobs/conditions.ts';

const jobsAsked = 300;
const budgetMs = 100;

/** SQL that gives the values of a key of `job` as `v`. */
const sources: Partial<Record<KeyName, string>> = {
  kind: 'jobs job cross join lateral (values (job.kind)) x (v)',
  name: 'jobs job cross join lateral (values (job.name)) x (v)',
  owner: 'jobs job cross join lateral (values (job.owner)) x (v)',
  project: 'jobs job cross join lateral (values (job.project)) x (v)',
  queue: 'jobs job cross join lateral (values (job.queue)) x (v)',
  verdict: 'job_rows job cross join lateral (values (coalesce(job.own_verdict, job.verdict))) x (v)',
  tag: 'jobs job cross join lateral unnest(job.tags) x (v)',
  label: 'jobs job cross join lateral unnest(job.needs) x (v)',
  lane: 'jobs job cross join lateral unnest(job.lanes) x (v)',
  worker:
    'job_rows job join attempt_rows a on a.job_id = job.id and a.number = job.attempt cross join lateral (values (a.worker_name)) x (v)',
  source:
    'jobs job join source_identities s on s.job_id = job.id cross join lateral (values (s.source)) x (v)',
};

/**
 * Asks the diary itself: the newest few hundred jobs that fit the other terms and have a value that begins as typed,
 * found as any search is, within a tenth of a second. So the cost is bounded, what is in use comes first, and nobody is
 * told a value of a job that they may not see.
 */
export function createJobCompletion(db: Database, search: Pick<JobSearch, 'findIds'>): JobCompletion {
  return {
    values: async (request, actor) => {
      const { key, path, typed } = request;
      const ids = await find(search, { ...request, term: termOf(key, path, typed) }, actor);
      const values =
        key === 'args'
          ? await argumentValues(db, ids, path ?? '', actor)
          : await columnValues(db, ids, key, actor);
      return byFrequency(values.filter((value) => foldWord(value).startsWith(foldWord(typed))));
    },
    members: async (request, actor) => {
      const ids = await find(search, { ...request, term: null }, actor);
      const names = (await readInputs(db, ids, actor)).flatMap((input) =>
        argumentsOf(input).map(([name]) => name),
      );
      return byFrequency(
        names.filter((name) => name !== '' && foldWord(name).startsWith(foldWord(request.typed))),
      );
    },
  };
}

function termOf(key: KeyName, path: string | null, typed: string): Term {
  const value =
    typed === '' ? ({ type: 'any' } as const) : ({ type: 'text', text: typed, isExact: false } as const);
  return { type: 'key', isNot: false, key, ...(path === null ? {} : { path }), values: [value] };
}

async function find(
  search: Pick<JobSearch, 'findIds'>,
  { others, term, now, timezone }: Omit<CompletionRequest, 'typed'> & { term: Term | null },
  actor: Actor,
): Promise<number[]> {
  const filter: Filter = { terms: [...others.terms, ...(term ? [term] : [])] };
  const { items } = await search.findIds({ filter, now, timezone, limit: jobsAsked, budgetMs }, actor);
  return items;
}

async function columnValues(
  db: Database,
  ids: readonly number[],
  key: KeyName,
  actor: Actor,
): Promise<string[]> {
  const source = sources[key];
  if (!source) return [];
  const conditions = visibleTo(
    new Conditions().add('job.id = any(?::bigint[]) and x.v is not null', ids),
    actor,
  );
  const rows = await db.query<{ v: string }>(
    `select x.v from ${source} where ${conditions.text}`,
    conditions.values,
  );
  return rows.map(({ v }) => v);
}

async function argumentValues(
  db: Database,
  ids: readonly number[],
  path: string,
  actor: Actor,
): Promise<string[]> {
  const name = foldWord(path);
  return (await readInputs(db, ids, actor)).flatMap((input) =>
    argumentsOf(input).flatMap(([member, value]) => (foldWord(member) === name ? [value] : [])),
  );
}

async function readInputs(db: Database, ids: readonly number[], actor: Actor): Promise<unknown[]> {
  const conditions = visibleTo(new Conditions().add('job.id = any(?::bigint[])', ids), actor);
  const rows = await db.query<{ input: unknown }>(
    `select i.input from jobs job join job_inputs i on i.job_id = job.id where ${conditions.text}`,
    conditions.values,
  );
  return rows.map(({ input }) => input);
}

function byFrequency(values: readonly string[]): string[] {
  const counts = new Map<string, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts].toSorted(([a, m], [b, n]) => n - m || (a < b ? -1 : 1)).map(([value]) => value);
}
