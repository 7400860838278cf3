import type { Database } from '../src/adapters/store/database.ts';
import { keepPartitions } from '../src/adapters/store/search/keep-partitions.ts';
import { say } from './harness.ts';

/** A minute apart; words: one in 2, in 100, in 10 000, and one job in the oldest tenth. */
export async function fillDiary(db: Database, jobs: number): Promise<void> {
  const startedMs = performance.now();
  // A row more than fills a partition. The index is made at the end, which takes a fraction of the time.
  const batch = 50_001;
  await db.query('drop index job_words_gin');
  const [place] = await db.query<{ id: number }>(
    `insert into places (queue, needs) values ('default', '{}') returning id`,
  );
  for (let first = 1; first <= jobs; first += batch) {
    const last = Math.min(jobs, first + batch - 1);
    await db.query(
      `with made as (
         insert into jobs (uid, kind, name, queue, owner, project, submitted_at, assessment)
         select gen_random_uuid(), case when n % 500 = 0 then 'url' else 'script' end, 'deck_' || n % 1000 || '.dyn',
           'default', 'user' || (n * 7919::bigint) % 97, 'p' || n % 211, timestamptz '2024-01-01' + n * interval '1 minute',
           case when n % 997 = 0 then 'issue' end
         from generate_series($1::int, $2::int) n returning id, submitted_at, name, kind, owner, project
       ), ended as (
         insert into ends (job_id, submitted_at, owner, place, state, reason, attempt, started_at, ended_at)
         select id, submitted_at, owner, $4,
           case when id % 50 = 0 then 'failed' when id % 3000 = 1 then 'cancelled' else 'succeeded' end,
           case when id % 50 = 0 then 'exit' end, 1, submitted_at, submitted_at + id % 20 * interval '1 minute'
         from made
       )
       insert into job_words select id, submitted_at, array_to_tsvector(array[
         id::text, name, 'deck', 'dyn', id % 1000 || '', kind, owner, project, 'w' || (id * 31) % 5000, 'v' || (id * 17) % 20000,
         E'\\x01kind:' || kind, E'\\x01owner:' || owner, E'\\x01project:' || project, E'\\x01queue:default', E'\\x01args:case=' || id % 50,
         case when id % 2 = 0 then 'common' else 'usual' end, case when id % 100 = 0 then 'middle' else 'plenty' end,
         case when id % 10000 = 0 then 'rare' else 'ordinary' end, case when id = $3::int / 20 then 'single' else 'several' end
       ]) from made`,
      [first, last, jobs, place?.id],
    );
    await db.query('analyze job_words');
    await keepPartitions(db);
  }
  await db.query(
    'create index job_words_gin on job_words using gin (words) with (fastupdate = on, gin_pending_list_limit = 256)',
  );
  await db.query('vacuum analyze');
  // What the filling left to be written must not be written while we measure.
  await db.query('checkpoint');
  const seconds = ((performance.now() - startedMs) / 1_000).toFixed(0);
  const [row] = await db.query<{ parts: number }>(
    `select count(*) as parts from pg_inherits where inhparent = 'job_words'::regclass`,
  );
  say(`  ${jobs} jobs in ${row?.parts} partitions, made in ${seconds} s`);
}
