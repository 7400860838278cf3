/**
 * Goals 6 and 7 of the performance page, in the embedded database with fsync on.
 *
 * Goal 6: p95 of pages, filters and word searches (50 jobs each, plan and execution as the server sees them, client
 * included) in a diary of 10 000 jobs and of a million, and the ratio. The jobs are synthetic, made by one
 * `insert … select` a batch, with words of every frequency; the partitions are those that the keeper makes.
 *
 * Goal 7: submit, claim and end of batches with the words written, against the same without: median of alternations.
 *
 * Times are those of the client, one statement at a time; what the database itself takes is below them.
 */
import type { Actor } from '../src/contract/actor.ts';
import { parseFilter } from '../src/contract/filter/parse.ts';
import type { JobStore } from '../src/domain/jobs/ports.ts';
import type { JobReader } from '../src/domain/jobs/reader-ports.ts';
import type { JobSearch } from '../src/domain/diary/ports.ts';
import type { Database, Queryable } from '../src/adapters/store/database.ts';
import { createJobReader } from '../src/adapters/store/job-reader.ts';
import { createJobStore } from '../src/adapters/store/job-store.ts';
import { migrate } from '../src/adapters/store/migrate.ts';
import { createJobSearch } from '../src/adapters/store/search/job-search.ts';
import { joinWorker, newJob, succeeded } from '../test/support/jobs.ts';
import { fillDiary } from './fill-diary.ts';
import { alternate, atLeast, atMost, type Bench, type Figure, percentile, say } from './harness.ts';
import { type MadeDatabase, openDatabase, startPostgres } from './postgres.ts';

const small = 10_000;
const ana: Actor = { name: 'user7', accountId: null, role: 'member' };
/** A view that takes rows and keeps none. */
const withoutWords = `
alter table job_words rename to job_words_away;
create view job_words as select * from job_words_away;
create or replace function keep_nothing() returns trigger language plpgsql as 'begin return null; end';
create trigger keep_nothing instead of insert on job_words for each row execute function keep_nothing()`;

/** What columns answer, pages among it, has one goal, what the words answer another. */
const wordGoalMs = 25;
const pageGoalMs = 2;
const growthGoal = 3;

type Question = readonly [name: string, filter: string];

const columnFilters: readonly Question[] = [
  ['no filter', ''],
  ['filter state:failed', 'state:failed'],
  ['filter state:cancelled (rare)', 'state:cancelled'],
  ['filter state:unknown (none)', 'state:unknown'],
  ['filter owner', 'owner:user7'],
  ['filter owner and state', 'owner:user7 state:failed'],
  ['filter owner and state (rare)', 'owner:user7 state:cancelled'],
  ['filter assessment:issue', 'assessment:issue'],
  ['filter is:mine submitted range', 'owner:user7 submitted:2024-01'],
  ['filter id', 'id:777'],
];

/** Filters on project, kind and members of the input are among them: no column has an index for these, the words do. */
const wordSearches: readonly Question[] = [
  ['filter project', 'project:p17'],
  ['filter kind:url (1 in 500)', 'kind:url'],
  ['filter kind:none', 'kind:none'],
  ['filter args.case:7', 'args.case:7'],
  ['word common (1 in 2)', 'common'],
  ['word middle (1 in 100)', 'middle'],
  ['word rare (1 in 10 000)', 'rare'],
  ['word single (1 of all)', 'single'],
  ['word absent', 'zebra'],
  ['two words, common and middle', 'common middle'],
  ['two words, middle and rare', 'middle rare'],
  ['two words, never together', 'common zebra'],
  ['beginning of many words', 'w1'],
  ['word and state:failed', 'deck state:failed'],
  ['word without another', 'middle -rare'],
  ['word that begins a state', 'canc'],
  ['word rare and owner', 'rare owner:user7'],
];
const deepWords = 'word middle, deep page';

export const searchBench: Bench = {
  name: 'search',
  goals: '6, 7',
  summary: 'pages, filters and words in a diary of many jobs; status changes with the words on and off',
  count: 1_000_000,
  usesDatabase: true,
  run: async ({ count: large, rounds, database }) => {
    const postgres = await startPostgres(database);
    const made: MadeDatabase[] = [];
    const open = async (): Promise<Database> => {
      const one = await postgres.createDatabase();
      made.push(one);
      const db = openDatabase(one.url, 4);
      await migrate(db);
      return db;
    };
    try {
      say(`  ${postgres.version}`);
      const at = new Map<number, Measured>();
      for (const jobs of [small, large]) {
        const db = await open();
        await fillDiary(db, jobs);
        at.set(jobs, await measure(db, jobs));
        await db.close();
      }
      const figures = compareSizes(at.get(small), at.get(large), large);
      const db = await open();
      figures.push(await compareMoves(db, rounds));
      await db.close();
      return figures;
    } finally {
      for (const one of made) await one.drop();
      await postgres.stop();
    }
  },
};

/** p95 in ms, by name of the question. */
type Measured = Map<string, { client: number; database: number }>;

interface ReadSide {
  search: JobSearch;
  reader: JobReader;
}

async function measure(db: Database, jobs: number): Promise<Measured> {
  const context = { now: new Date(), timezone: 'UTC', limit: 50 };
  const figures: Measured = new Map();
  const clock = { databaseMs: 0 };
  const explaining = explainingDatabase(db, (ms) => (clock.databaseMs += ms));
  const sideOn = (target: Database): ReadSide => ({
    search: createJobSearch(target),
    reader: createJobReader(target),
  });
  const plain = sideOn(db);
  const explained = sideOn(explaining);
  const p95 = async (
    name: string,
    run: (side: ReadSide, round: number) => Promise<unknown>,
  ): Promise<void> => {
    for (let warm = 0; warm < 5; warm += 1) await run(plain, warm);
    const client: number[] = [];
    const database: number[] = [];
    for (let round = 0; round < 100; round += 1) {
      const startedMs = performance.now();
      await run(plain, round);
      client.push(performance.now() - startedMs);
    }
    for (let round = 0; round < 40; round += 1) {
      clock.databaseMs = 0;
      await run(explained, round);
      database.push(clock.databaseMs);
    }
    figures.set(name, { client: percentile(client, 0.95), database: percentile(database, 0.95) });
  };
  const find = ({ search }: ReadSide, q: string, cursor?: string): Promise<unknown> =>
    search
      .findIds({ ...context, filter: parseFilter(q), ...(cursor ? { cursor } : {}) }, ana)
      .then((found) => {
        if (found.searchedBackTo !== null)
          throw new Error(`${q}: only searched back to ${found.searchedBackTo}`);
      });
  const micros = (share: number): string => `${(Date.parse('2024-01-01') + share * jobs * 60_000) * 1_000}-0`;

  await p95('newest 50, whole rows', ({ reader }) => reader.list({ limit: 50 }, ana));
  await p95('a page in the middle, whole rows', ({ reader }, n) =>
    reader.list({ limit: 50, cursor: micros(n / 100) }, ana),
  );
  for (const [name, q] of columnFilters) await p95(name, (side) => find(side, q));
  for (const [name, q] of wordSearches) await p95(name, (side) => find(side, q));
  await p95(deepWords, (side, n) => find(side, 'middle', micros(n / 100)));
  return figures;
}

/** The slowest of each group against its goal; every one of them is printed. */
function compareSizes(atSmall: Measured = new Map(), atLarge: Measured = new Map(), large: number): Figure[] {
  const columns = [small, large].flatMap((jobs) => [`${jobs} jobs`, 'database']);
  say(`  p95 in ms${' '.repeat(31)}${columns.map((text) => text.padStart(13)).join('')}    ratio`);
  for (const [name, { client, database }] of atLarge) {
    const before = atSmall.get(name) ?? { client: Number.NaN, database: Number.NaN };
    const cells = [before.client, before.database, client, database].map((ms) => ms.toFixed(2).padStart(13));
    say(`  ${name.padEnd(40)}${cells.join('')} ${(database / before.database).toFixed(1).padStart(8)}`);
  }
  const words = new Set([...wordSearches.map(([name]) => name), deepWords]);
  return [
    {
      what: 'pages and filters on columns',
      goalMs: pageGoalMs,
      isIn: (name: string): boolean => !words.has(name),
    },
    {
      what: 'words and filters that are words',
      goalMs: wordGoalMs,
      isIn: (name: string): boolean => words.has(name),
    },
  ].flatMap(({ what, goalMs, isIn }) => {
    const [name, slowest] = [...atLarge]
      .filter(([each]) => isIn(each))
      .reduce((worst, each) => (each[1].database > worst[1].database ? each : worst));
    const row = { goal: '6', unit: 'ms', ours: slowest.database };
    const title = `p95 database time of the slowest of ${what} in ${large} jobs (${name})`;
    return [
      { ...row, what: title, peer: null, theirs: null, wanted: atMost(goalMs) },
      {
        ...row,
        what: title,
        peer: `the same in ${small} jobs`,
        theirs: atSmall.get(name)?.database ?? null,
        wanted: atMost(growthGoal),
      },
    ];
  });
}

/** Runs each read under `explain` first, and tells what planning and execution took in the server. */
function explainingDatabase(db: Database, onMs: (ms: number) => void): Database {
  const explaining =
    (target: Queryable): Queryable['query'] =>
    async (statement, values) => {
      const text = typeof statement === 'string' ? statement : statement.text;
      if (/^\s*(select|with)/i.test(text)) {
        const [row] = await target.query<{
          'QUERY PLAN': { 'Planning Time': number; 'Execution Time': number }[];
        }>(`explain (analyze, timing off, format json) ${text}`, values);
        const [plan] = row?.['QUERY PLAN'] ?? [];
        if (plan) onMs(plan['Planning Time'] + plan['Execution Time']);
      }
      return target.query(statement, values);
    };
  return {
    ...db,
    query: explaining(db),
    transaction: (work) => db.transaction((tx) => work({ query: explaining(tx) })),
  };
}

/** Rates of whole lives of jobs, with words and without. */
async function compareMoves(db: Database, rounds: number): Promise<Figure> {
  const store = createJobStore(db);
  const worker = await joinWorker(db, { slots: 100 });
  await submit(store, 50_000);
  const side = (prepare: () => Promise<unknown>, restore: () => Promise<unknown>) => async () => {
    await prepare();
    await submit(store, 5_000);
    const startedMs = performance.now();
    for (let ended = 0; ended < 5_000;) {
      const claimed = await worker.claim(100);
      await store.finish(claimed.map((job) => succeeded(job)));
      ended += claimed.length;
    }
    const rate = (5_000 / (performance.now() - startedMs)) * 1_000;
    await restore();
    return rate;
  };
  const nothing = async (): Promise<void> => {};
  const rates = await alternate(
    {
      'with words': side(nothing, nothing),
      without: side(
        () => db.query(withoutWords),
        () => db.query('drop view job_words; alter table job_words_away rename to job_words'),
      ),
    },
    { rounds, unit: 'jobs/s' },
  );
  return {
    goal: '7',
    what: 'claim and end, with the words',
    unit: 'jobs/s',
    ours: rates['with words'] ?? Number.NaN,
    peer: 'without the words',
    theirs: rates['without'] ?? null,
    wanted: atLeast(0.8),
  };
}

async function submit(store: JobStore, count: number): Promise<void> {
  for (let rest = count; rest > 0; rest -= 500)
    await store.submit(Array.from({ length: 500 }, () => newJob()));
}
