import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Actor } from '../../src/contract/actor.ts';
import { parseFilter } from '../../src/contract/filter/parse.ts';
import type { JobQuery } from '../../src/domain/jobs/reader-ports.ts';
import type { Database, Queryable } from '../../src/adapters/store/database.ts';
import { createJobReader } from '../../src/adapters/store/job-reader.ts';
import { createJobSearch } from '../../src/adapters/store/search/job-search.ts';
import type { TestDatabase } from '../support/database.ts';
import { describeOnDatabases } from '../support/describe-on-databases.ts';

const ana: Actor = { name: 'ana', accountId: null, role: 'member' };
const jobs = 40_000;
const limit = 20;
/** What a page of rows takes, each looked up in several tables; who reads one of these tables whole reads more. */
const fewPages = 400;

interface Plan {
  'Shared Hit Blocks': number;
  'Shared Read Blocks': number;
}

/** Runs each read under `explain`, too, and tells how many pages it read. */
function watched(db: Database, onPages: (count: number) => void): Database {
  const explaining =
    (target: Queryable): Queryable['query'] =>
    async (statement, values) => {
      const text = typeof statement === 'string' ? statement : statement.text;
      if (/^\s*(select|with)/i.test(text) && !text.includes('set_config')) {
        const [row] = await target.query<{ 'QUERY PLAN': { Plan: Plan }[] }>(
          `explain (analyze, buffers, format json) ${text}`,
          values,
        );
        const plan = row?.['QUERY PLAN'][0]?.Plan;
        if (plan) onPages(plan['Shared Hit Blocks'] + plan['Shared Read Blocks']);
      }
      return target.query(statement, values);
    };
  return {
    ...db,
    query: explaining(db),
    transaction: (work) => db.transaction((tx) => work({ query: explaining(tx) })),
  };
}

describeOnDatabases('a page of jobs', (create) => {
  let database: TestDatabase;

  beforeAll(async () => {
    database = await create();
    const { db } = database;
    await db.query(`insert into queues (name) values ('night'), ('quiet')`);
    await db.query(
      `insert into places (queue, needs) values ('default', '{}'), ('night', '{}'), ('quiet', '{}')`,
    );
    // The few that are asked for are old: whoever looks from the newest on finds them last.
    await db.query(
      `with made as (
         insert into jobs (uid, kind, name, queue, owner, submitted_at)
         select gen_random_uuid(), 'script', 'a job', case when n % 3000 = 1 then 'quiet' when n % 100 = 3 then 'night' else 'default' end,
           case when n % 10 = 0 then 'ana' else 'user' || n % 20 end, timestamptz '2026-01-01' + n * interval '1 minute'
         from generate_series(1, $1::int) n returning id, submitted_at, owner, queue
       )
       insert into ends (job_id, submitted_at, owner, place, state, reason, attempt, ended_at)
       select m.id, m.submitted_at, m.owner, p.id, case when m.id <= 1000 and m.id % 5 = 0 then 'failed' else 'succeeded' end,
         case when m.id <= 1000 and m.id % 5 = 0 then 'exit' end, 1, m.submitted_at
       from made m join places p on p.queue = m.queue`,
      [jobs],
    );
    await db.query(
      `insert into attempts (job_id, number, token, runs_by, worker_name, state, exit_code, claimed_at, ended_at)
       select job_id, 1, gen_random_uuid(), 'slot', 'east', case when state = 'failed' then 'failed' else 'succeeded' end,
         case when state = 'failed' then 3 else 0 end, ended_at, ended_at
       from ends`,
    );
    await db.query('vacuum analyze jobs, ends, queued, running, attempts');
  });

  afterAll(() => database?.drop());

  const inList = async (query: Partial<JobQuery>): Promise<{ found: number; pages: number }> => {
    let pages = 0;
    const reader = createJobReader(watched(database.db, (count) => (pages += count)));
    const { items } = await reader.list({ limit, ...query }, ana);
    return { found: items.length, pages };
  };
  const inSearch = async (text: string): Promise<{ found: number; pages: number }> => {
    let pages = 0;
    const search = createJobSearch(watched(database.db, (count) => (pages += count)));
    const request = { filter: parseFilter(text), now: new Date(), timezone: 'UTC', limit };
    const { items } = await search.find(request, ana);
    return { found: items.length, pages };
  };

  const lists: [string, Partial<JobQuery>, number][] = [
    ['the newest', {}, limit],
    ['a state', { states: ['failed'] }, limit],
    ['the oldest of a state', { states: ['failed'], order: 'oldest' }, limit],
    ['a state of which there is none', { states: ['unknown'] }, 0],
    ['several states', { states: ['failed', 'cancelled', 'running', 'queued'] }, limit],
    ['what has ended', { states: ['succeeded', 'failed', 'cancelled', 'finished'] }, limit],
    ['an owner', { owner: 'ana' }, limit],
    ['what an owner has failed', { owner: 'ana', states: ['failed'] }, limit],
    ['what an owner has succeeded', { owner: 'ana', states: ['succeeded'] }, limit],
    ['an owner and a state of which there is none', { owner: 'ana', states: ['unknown'] }, 0],
    ['a queue of few', { queue: 'quiet' }, 14],
    ['a queue of few and a state', { queue: 'quiet', states: ['succeeded'] }, 14],
    ['what a queue has succeeded', { queue: 'night', states: ['succeeded'] }, limit],
    ['a queue and a state of which it has none', { queue: 'quiet', states: ['failed'] }, 0],
  ];

  it.each(lists)('of %s is found without a walk through the diary', async (_name, query, found) => {
    const page = await inList(query);
    expect(page.found).toBe(found);
    expect(page.pages).toBeLessThan(fewPages);
  });

  it.each([
    ['state:failed', limit],
    ['state:unknown', 0],
    ['-state:succeeded', limit],
    ['owner:ana state:failed', limit],
    ['owner:ana -state:succeeded', limit],
    ['owner:ana state:cancelled', 0],
    ['is:mine state:succeeded', limit],
    ['state:failed state:running', 0],
    ['state:succeeded worker:east', limit],
    ['worker:east', limit],
  ])('that fit %s is found without a walk through the diary', async (text, found) => {
    const page = await inSearch(text);
    expect(page.found).toBe(found);
    expect(page.pages).toBeLessThan(fewPages);
  });
});
