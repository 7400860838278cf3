import { afterAll, beforeAll, expect, it } from 'vitest';
import { parseFilter } from '../../src/contract/filter/parse.ts';
import type { Database } from '../../src/adapters/store/database.ts';
import { createJobStore } from '../../src/adapters/store/job-store.ts';
import { createJobSearch } from '../../src/adapters/store/search/job-search.ts';
import type { TestDatabase } from '../support/database.ts';
import { describeOnDatabases } from '../support/describe-on-databases.ts';
import { ana, newJob } from '../support/jobs.ts';
import { there } from '../support/there.ts';

/** Does something once the first look at what is queued was answered. */
function afterFirstLook(db: Database, work: () => Promise<unknown>): Database {
  let isFirst = true;
  return {
    ...db,
    query: async <Row>(...asked: Parameters<Database['query']>) => {
      const rows = await db.query<Row>(...asked);
      const text = typeof asked[0] === 'string' ? asked[0] : asked[0].text;
      if (isFirst && text.includes('queued_rows')) {
        isFirst = false;
        await work();
      }
      return rows;
    },
  };
}

describeOnDatabases('a list of a state that jobs are leaving', (create) => {
  let database: TestDatabase;

  beforeAll(async () => {
    database = await create();
    await database.db.query(`insert into lanes (key, capacity) values ('wanted', 1)`);
  });

  afterAll(() => database?.drop());

  it.each(['newest', 'oldest'] as const)('has the one that stays, %s first', async (order) => {
    const { db } = database;
    const store = createJobStore(db);
    await db.query('delete from jobs');
    const ids: number[] = [];
    for (let n = 0; n < 8; n += 1) {
      const isWanted = n === (order === 'newest' ? 0 : 7);
      const [stored] = await store.submit([newJob({ lanes: isWanted ? ['wanted'] : [] })]);
      if (stored?.status === 'stored') ids.push(there(stored.id));
    }
    const wanted = there(order === 'newest' ? ids[0] : ids[7]);
    const leaving = (order === 'newest' ? ids.toReversed() : ids).slice(0, 3);

    const search = createJobSearch(
      afterFirstLook(db, () => store.cancel(leaving, ana.name, {})),
      { rows: 5, candidates: 5 },
    );
    const found = await search.findIds(
      { filter: parseFilter('state:queued lane:wanted'), order, limit: 2, now: new Date(), timezone: 'UTC' },
      ana,
    );
    expect(found.items).toEqual([wanted]);
  });
});
