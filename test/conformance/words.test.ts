import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { JobStore } from '../../src/domain/jobs/ports.ts';
import type { WordStore } from '../../src/domain/diary/ports.ts';
import { createWordStore } from '../../src/adapters/store/search/word-store.ts';
import { createJobStore } from '../../src/adapters/store/job-store.ts';
import { indexWords } from '../../src/adapters/store/jobs/index-words.ts';
import type { TestDatabase } from '../support/database.ts';
import { describeOnDatabases } from '../support/describe-on-databases.ts';
import { failed, joinWorker, newJob, submitOne } from '../support/jobs.ts';

describeOnDatabases('the words of jobs', (create) => {
  let database: TestDatabase;
  let store: JobStore;
  let words: WordStore;

  beforeAll(async () => {
    database = await create();
    store = createJobStore(database.db);
    words = createWordStore(database.db);
  });

  afterAll(() => database?.drop());

  beforeEach(() => database.empty());

  const find = async (word: string): Promise<number[]> => {
    const rows = await database.db.query<{ id: number }>(
      `select job_id as id from job_words where words @@ ($1 || ':*')::tsquery order by job_id`,
      [word],
    );
    return rows.map(({ id }) => id);
  };

  it('are there with the commit of the submit', async () => {
    const id = await submitOne(store, { name: 'main_deck.dyn' });
    expect([await find('deck'), await find(String(id)), await find('wing')]).toEqual([[id], [id], []]);
  });

  it('follow a change of the record, in the transaction of the change', async () => {
    const id = await submitOne(store, { name: 'old' });
    await store.change(id, { name: 'new', tags: ['night'] }, 'ana');
    expect([await find('old'), await find('new'), await find('night')]).toEqual([[], [id], [id]]);
  });

  it('hold what people wrote once they are written anew', async () => {
    const id = await submitOne(store);
    await database.db.transaction(async (tx) => {
      await tx.query(`insert into job_notes (job_id, info) values ($1, 'a better wing')`, [id]);
      await indexWords(tx, [id]);
    });
    expect(await find('wing')).toEqual([id]);
  });

  it('hold what an end said soon after it, and no more after a retry', async () => {
    const id = await submitOne(store);
    const worker = await joinWorker(database.db);
    const [job] = await worker.claim();
    if (!job) throw new Error('nothing to claim');
    const end = failed(job);
    const said = { message: 'Out of memory.', errorLine: 'ERROR: element 12 is inverted' };
    await store.finish([{ ...end, outcome: { ...end.outcome, ...said } }]);
    expect(await words.indexDue(10)).toBe(1);
    expect([await find('memory'), await find('inverted')]).toEqual([[id], [id]]);
    await store.retry(id, 'ana');
    await words.indexDue(10);
    expect([await find('memory'), await find('inverted')]).toEqual([[], []]);
    expect(await words.indexDue(10)).toBe(0);
  });

  it('go with the job', async () => {
    const id = await submitOne(store, { name: 'gone' });
    const other = await submitOne(store, { name: 'gone too' });
    await store.cancel([id], 'ana');
    await store.remove(id);
    expect(await find('gone')).toEqual([other]);
  });

  it('are not touched by the moves of a job', async () => {
    await store.submit([newJob(), newJob()]);
    const versions = (): Promise<unknown[]> => database.db.query('select xmin::text, ctid from job_words');
    const before = await versions();
    const worker = await joinWorker(database.db);
    await worker.claim();
    await store.cancel([1, 2], 'ana');
    expect(await versions()).toEqual(before);
  });

  describe('of two writers', () => {
    it('end as the last committed record says', async () => {
      const id = await submitOne(store, { name: 'first' });
      const rename = (name: string): Promise<unknown> => store.change(id, { name }, 'ana');
      await Promise.all(['second', 'third', 'fourth'].map(rename));
      const [row] = await database.db.query<{ name: string }>('select name from jobs where id = $1', [id]);
      for (const name of ['first', 'second', 'third', 'fourth']) {
        expect(await find(name)).toEqual(name === row?.name ? [id] : []);
      }
    });
  });
});
