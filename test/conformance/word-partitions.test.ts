import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createJobStore } from '../../src/adapters/store/job-store.ts';
import { keepPartitions } from '../../src/adapters/store/search/keep-partitions.ts';
import type { TestDatabase } from '../support/database.ts';
import { describeOnDatabases } from '../support/describe-on-databases.ts';
import { newJob } from '../support/jobs.ts';

describeOnDatabases('the partitions of words', (create) => {
  let database: TestDatabase;

  beforeAll(async () => {
    database = await create();
  });

  afterAll(() => database?.drop());

  const sizes = async (): Promise<number[]> => {
    const parts = await database.db.query<{ rows: number }>(
      `select (xpath('/row/c/text()', query_to_xml('select count(*) as c from ' || inhrelid::regclass, false, true, '')))[1]::text::int as rows
       from pg_inherits join pg_class on oid = inhrelid where inhparent = 'job_words'::regclass
       order by (regexp_match(pg_get_expr(relpartbound, oid), 'FROM \\(''([^'']+)'))[1]::timestamptz nulls first`,
    );
    return parts.map(({ rows }) => rows);
  };

  const all = (): Promise<unknown[]> =>
    database.db.query('select job_id, submitted_at, words::text from job_words order by job_id');

  /** Statistics come late; the keeper goes by them. */
  const keep = async (rows: number): Promise<void> => {
    await database.db.query('analyze job_words');
    await keepPartitions(database.db, rows);
  };

  beforeEach(async () => {
    await database.empty();
    await database.db.query(`do $$ declare p regclass; begin
      for p in select inhrelid::regclass from pg_inherits where inhparent = 'job_words'::regclass loop execute 'drop table ' || p; end loop;
      create table job_words_only partition of job_words for values from (minvalue) to (maxvalue);
    end $$`);
  });

  const submit = (count: number): Promise<unknown> =>
    createJobStore(database.db).submit(Array.from({ length: count }, () => newJob()));

  it('end behind the newest job when the newest is full, and what comes next goes into a new one', async () => {
    await submit(30);
    const before = await all();
    await keep(40);
    expect(await sizes()).toEqual([30]);
    await keep(20);
    expect(await sizes()).toEqual([30, 0]);
    expect(await all()).toEqual(before);
    await submit(5);
    expect(await sizes()).toEqual([30, 5]);
  });

  describe('that old jobs have filled', () => {
    beforeEach(async () => {
      await submit(1);
      await database.db.query(
        `insert into job_words (job_id, submitted_at, words)
         select 100 + n, timestamptz '2018-01-01' + n * interval '1 hour', array_to_tsvector(array['w' || n]) from generate_series(1, 100) n`,
      );
    });

    it('are split, the oldest first, and nothing is lost', async () => {
      const before = await all();
      await keep(20);
      const parts = await sizes();
      expect(Math.max(...parts)).toBeLessThanOrEqual(40);
      expect(parts.reduce((sum, rows) => sum + rows, 0)).toBe(101);
      expect(await all()).toEqual(before);
      await keep(20);
      expect(await sizes()).toEqual(parts);
    });

    it('are split while words are written, changed and removed, and the last word counts', async () => {
      const writes = async (): Promise<void> => {
        for (let n = 1; n <= 60; n += 1) {
          await database.db.query(
            `update job_words set words = array_to_tsvector(array['new']) where job_id = $1`,
            [100 + n],
          );
          if (n % 3 === 0) await database.db.query('delete from job_words where job_id = $1', [160 + n / 3]);
          if (n % 10 === 0) {
            await database.db.query(
              `insert into job_words values ($1::int, timestamptz '2018-01-01 00:30' + $1::int * interval '1 minute', array_to_tsvector(array['late']))`,
              [n],
            );
          }
        }
      };
      await Promise.all([keep(10), writes()]);
      const count = async (condition: string): Promise<number> =>
        (await database.db.query(`select from job_words where ${condition}`)).length;
      expect(await count(`words @@ 'new'`)).toBe(60);
      expect(await count(`words @@ 'late'`)).toBe(6);
      expect(await count('true')).toBe(101 + 6 - 20);
    });

    it('leave no copy behind, and clear up after one who did not come to an end', async () => {
      await database.db.query('create table job_words_copy_left (like job_words including all)');
      await keep(20);
      expect(
        await database.db.query(
          `select from pg_class where relname like 'job\\_words\\_copy%' and relkind = 'r'`,
        ),
      ).toEqual([]);
    });
  });

  it('take no job of the future for the end', async () => {
    await submit(30);
    await database.db.query(
      `insert into job_words values (1000, now() + interval '1 day', array_to_tsvector(array['early']))`,
    );
    await keep(20);
    await submit(3);
    const [, newest] = (await sizes()).toReversed();
    expect((await sizes()).reduce((sum, rows) => sum + rows, 0)).toBe(34);
    expect(newest).toBeGreaterThan(0);
  });
});
