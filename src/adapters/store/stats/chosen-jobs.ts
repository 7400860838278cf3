import type { Actor } from '../../../contract/actor.ts';
import type { JobSearch } from '../../../domain/diary/ports.ts';
import type { StatsRequest } from '../../../domain/diary/stats-ports.ts';
import { jobStates } from '../../../contract/states.ts';
import type { Database } from '../database.ts';
import { Conditions, visibleTo } from '../jobs/conditions.ts';
import { jobsInStates } from '../jobs/in-states.ts';
import { planFilter } from '../search/filter-plan.ts';

/** The jobs that figures are made of: `from <source> where <conditions.text>`, each as `job`. */
export interface ChosenJobs {
  source: string;
  conditions: Conditions;
  /** One job of so many is among them. */
  every: number;
}

/**
 * Above so many jobs in the time asked for a part of them is looked at. Of a million, counting every fourth took half as
 * long again as counting all: rows looked up one by one cost more than a scan.
 */
const mostJobs = 1_000_000;
/** Words stand in a row of their own, which is looked up job by job. */
const mostJobsWithWords = 40_000;
/** What the search finds whole is counted whole, however long the time asked for is. */
const mostFound = 5_000;
const searchForMs = 600;

const isNotObsolete = `not exists (select from jobs o where o.id = job.id and o.assessment = 'obsolete')`;

/**
 * Chooses at a bounded cost. A filter that finds few jobs is left to the search, which has indexes for words and columns.
 * Else the jobs of the time are looked at one by one; when they are many, those of which a hash of the number says so:
 * the index of the diary gives time and number, so that rows left out are not read.
 *
 * @param request.endsTell whether all that the figures need stands beside the state of a job
 */
export async function chooseJobs(
  { db, search, mostJobs: most = mostJobs }: { db: Database; search: JobSearch; mostJobs?: number },
  request: StatsRequest & { endsTell?: boolean },
  actor: Actor,
): Promise<ChosenJobs> {
  const { from, until, filter, now, timezone, endsTell = false } = request;
  if (filter.terms.length > 0) {
    const { items, cursor } = await search.findIds(
      { filter, plain: { since: from, until }, limit: mostFound, now, timezone, budgetMs: searchForMs },
      actor,
    );
    if (cursor === null) {
      const conditions = visibleTo(new Conditions().add('job.id = any(?::bigint[])', items), actor);
      return { source: 'job_rows job', conditions, every: 1 };
    }
  }
  const plan = planFilter(filter, { now, timezone, actor });
  const readsWords = plan.conditions.some((condition) => condition.readsWords);
  const limit = readsWords ? Math.min(most, mostJobsWithWords) : most;
  const every = Math.ceil((await countBetween(db, from, until)) / limit) || 1;
  const conditions = new Conditions();
  const time = new Conditions(conditions.values)
    .add('job.submitted_at >= ?', from)
    .add('job.submitted_at < ?', until);
  if (every > 1) time.add('(hashint8(job.id) & 2147483647) % ?::int = 0', every);
  if (endsTell && filter.terms.length === 0) {
    // Each state has that time in an index, and obsolete jobs are few: of a million, this takes half as long as a join.
    const source = jobsInStates({ states: jobStates, where: time.text });
    return { source, conditions: visibleTo(conditions.add(isNotObsolete), actor), every };
  }
  const wanted = { states: plan.states, where: time.text };
  const picked =
    every > 1
      ? `(select job.id from ${jobsInStates(wanted, 'offset 0')}) c join job_rows job on job.id = c.id`
      : jobsInStates(wanted);
  const words = readsWords
    ? `cross join lateral (
        select x.words from job_words x where x.job_id = job.id and x.submitted_at = job.submitted_at offset 0
      ) w`
    : '';
  for (const { sql, values } of plan.conditions) conditions.add(sql, ...values);
  return { source: `${picked} ${words}`, conditions: visibleTo(conditions, actor), every };
}

/** From the index alone; not told to anybody. */
async function countBetween(db: Database, from: Date, until: Date): Promise<number> {
  const [row] = await db.query<{ count: number }>(
    'select count(*) from jobs where submitted_at >= $1 and submitted_at < $2',
    [from, until],
  );
  return row?.count ?? 0;
}
