/**
 * Goals 6 and 7 of the performance page, in the embedded database with fsync on.
 *
 * Goal 6: p95 of pages, filters and word searches (50 jobs each, plan and execution as the server sees them, client
 * included) in a diary of 10 000 jobs and of a million, and the ratio. The jobs are synthetic, made by one
 * `insert … select` a batch, with words of every frequency; the partitions are those that the keeper makes.
 *
 * Goal 7: submit, claim and end of batches with the words written, against the same without: median of alternations.
 *
 *     node bench/search.ts [jobs] [rounds]
 */
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Actor } from '../src/contract/actor.ts';
import { parseFilter } from '../src/contract/filter/parse.ts';
import type { JobStore } from '../src/jobs/ports.ts';
import { silentLogger } from '../src/lib/logger.ts';
import { createDatabase, type Database } from '../src/store/database.ts';
import { createEmbeddedPostgres } from '../src/store/embedded-postgres/embedded-postgres.ts';
import { createJobReader } from '../src/store/job-reader.ts';
import { createJobStore } from '../src/store/job-store.ts';
import { migrate } from '../src/store/migrate.ts';
import { createJobSearch } from '../src/store/search/job-search.ts';
import { keepPartitions } from '../src/store/search/keep-partitions.ts';
import { joinWorker, newJob, succeeded } from '../test/support/jobs.ts';

const [large = 1_000_000, rounds = 5] = process.argv.slice(2).map(Number);
const small = 10_000;
const ana: Actor = { name: 'user7', accountId: null, role: 'member' };
/** A view that takes rows and keeps none. */
const withoutWords = `
alter table job_words rename to job_words_away;
create view job_words as select * from job_words_away;
create or replace function keep_nothing() returns trigger language plpgsql as 'begin return null; end';
create trigger keep_nothing instead of insert on job_words for each row execute function keep_nothing()`;

const folder = mkdtempSync(join(tmpdir(), 'daybook-search-bench-'));
chmodSync(folder, 0o755);
const postgres = createEmbeddedPostgres({
  dataDirectory: folder,
  logsDirectory: join(folder, 'logs'),
  systemDirectory: join(folder, 'system'),
  logger: silentLogger,
});

try {
  await postgres.start();
  console.log(`Node ${process.version}, ${availableParallelism()} cores, PostgreSQL embedded, fsync on`);
  const at = new Map<number, Map<string, number>>();
  for (const jobs of [small, large]) {
    const db = await open(`diary_${jobs}`);
    await fill(db, jobs);
    at.set(jobs, await measure(db, jobs));
    await db.close();
  }
  console.log(
    `p95 in ms${' '.repeat(31)}${[small, large].map((jobs) => String(jobs).padStart(9)).join(' ')}   ratio`,
  );
  for (const [name, ms] of at.get(large) ?? []) {
    const before = at.get(small)?.get(name) ?? Number.NaN;
    console.log(
      `${name.padEnd(40)}${before.toFixed(2).padStart(9)} ${ms.toFixed(2).padStart(9)} ${(ms / before).toFixed(1).padStart(7)}`,
    );
  }
  await compareMoves(await open('moves'));
} finally {
  await postgres.stop();
  rmSync(folder, { recursive: true, force: true });
}

async function open(name: string): Promise<Database> {
  const admin = connect(postgres.connection);
  await admin.query(`create database ${name}`);
  await admin.close();
  const db = connect({ ...postgres.connection, database: name });
  await migrate(db);
  return db;
}

function connect(connection: object): Database {
  return createDatabase({ connection, poolSize: 4, applicationName: 'bench', onIdleError: () => undefined });
}

/** A minute apart; words: one in 2, in 100, in 10 000, and one job in the oldest tenth. */
async function fill(db: Database, jobs: number): Promise<void> {
  const startedMs = performance.now();
  const batch = 20_000;
  for (let first = 1; first <= jobs; first += batch) {
    const last = Math.min(jobs, first + batch - 1);
    await db.query(
      `with made as (
         insert into jobs (uid, kind, name, state, reason, queue, owner, project, attempt, submitted_at, started_at, ended_at, assessment)
         select gen_random_uuid(), case when n % 500 = 0 then 'url' else 'script' end, 'deck_' || n % 1000 || '.dyn',
           case when n % 50 = 0 then 'failed' when n % 3000 = 1 then 'cancelled' else 'succeeded' end, case when n % 50 = 0 then 'exit' end,
           'default', 'user' || (n * 7919::bigint) % 97, 'p' || n % 211, 1, timestamptz '2024-01-01' + n * interval '1 minute',
           timestamptz '2024-01-01' + n * interval '1 minute', timestamptz '2024-01-01' + (n + n % 20) * interval '1 minute',
           case when n % 997 = 0 then 'issue' end
         from generate_series($1::int, $2::int) n returning id, submitted_at, name, kind, owner, project
       )
       insert into job_words select id, submitted_at, array_to_tsvector(array[
         id::text, name, 'deck', 'dyn', id % 1000 || '', kind, owner, project, 'w' || (id * 31) % 5000, 'v' || (id * 17) % 20000,
         E'\\x01kind:' || kind, E'\\x01owner:' || owner, E'\\x01project:' || project, E'\\x01queue:default', E'\\x01args:case=' || id % 50,
         case when id % 2 = 0 then 'common' else 'usual' end, case when id % 100 = 0 then 'middle' else 'plenty' end,
         case when id % 10000 = 0 then 'rare' else 'ordinary' end, case when id = $3::int / 20 then 'single' else 'several' end
       ]) from made`,
      [first, last, jobs],
    );
  }
  await db.query('analyze');
  await keepPartitions(db);
  await db.query('vacuum analyze');
  // What the filling left to be written must not be written while we measure.
  await db.query('checkpoint');
  const seconds = ((performance.now() - startedMs) / 1_000).toFixed(0);
  const [row] = await db.query<{ parts: number }>(
    `select count(*) as parts from pg_inherits where inhparent = 'job_words'::regclass`,
  );
  console.log(`${jobs} jobs in ${row?.parts} partitions, made in ${seconds} s`);
}

async function measure(db: Database, jobs: number): Promise<Map<string, number>> {
  const search = createJobSearch(db);
  const reader = createJobReader(db);
  const context = { now: new Date(), timezone: 'UTC', limit: 50 };
  const figures = new Map<string, number>();
  const p95 = async (name: string, run: (round: number) => Promise<unknown>): Promise<void> => {
    for (let warm = 0; warm < 5; warm += 1) await run(warm);
    const times: number[] = [];
    for (let round = 0; round < 100; round += 1) {
      const startedMs = performance.now();
      await run(round);
      times.push(performance.now() - startedMs);
    }
    figures.set(name, times.toSorted((a, b) => a - b)[94] ?? 0);
  };
  const find = (q: string, cursor?: string): Promise<unknown> =>
    search
      .findIds({ ...context, filter: parseFilter(q), ...(cursor ? { cursor } : {}) }, ana)
      .then((found) => {
        if (found.searchedBackTo !== null)
          throw new Error(`${q}: only searched back to ${found.searchedBackTo}`);
      });
  const micros = (share: number): string => `${(Date.parse('2024-01-01') + share * jobs * 60_000) * 1_000}-0`;

  await p95('newest 50, whole rows', () => reader.list({ limit: 50 }, ana));
  await p95('a page in the middle, whole rows', (n) =>
    reader.list({ limit: 50, cursor: micros(n / 100) }, ana),
  );
  for (const [name, q] of [
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
  ] as const)
    await p95(name, () => find(q));
  await p95('word middle, deep page', (n) => find('middle', micros(n / 100)));
  return figures;
}

/** Rates of whole lives of jobs, with words and without. */
async function compareMoves(db: Database): Promise<void> {
  const store = createJobStore(db);
  const worker = await joinWorker(store, { slots: 100 });
  await submit(store, 50_000);
  const rates = { on: [] as number[], off: [] as number[] };
  for (let round = 0; round < 2 * rounds; round += 1) {
    const side = round % 2 === 0 ? 'on' : 'off';
    if (side === 'off') await db.query(withoutWords);
    await submit(store, 5_000);
    const startedMs = performance.now();
    let ended = 0;
    while (ended < 5_000) {
      const claimed = await worker.claim(100);
      await store.finish(claimed.map((job) => succeeded(job)));
      ended += claimed.length;
    }
    rates[side].push((5_000 / (performance.now() - startedMs)) * 1_000);
    if (side === 'off') await db.query('drop view job_words; alter table job_words_away rename to job_words');
  }
  const [on, off] = [median(rates.on), median(rates.off)];
  console.log(
    `claim and end with words ${on.toFixed(0)}/s, without ${off.toFixed(0)}/s, ratio ${(on / off).toFixed(2)} (goal 0.8)`,
  );
}

async function submit(store: JobStore, count: number): Promise<void> {
  for (let rest = count; rest > 0; rest -= 500)
    await store.submit(Array.from({ length: 500 }, () => newJob()));
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}
