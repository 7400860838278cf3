import { afterAll, beforeAll, expect, it } from 'vitest';
import { isoDateIn } from '../../src/contract/calendar.ts';
import { parseFilter } from '../../src/contract/filter/parse.ts';
import { createJobSearch } from '../../src/adapters/store/search/job-search.ts';
import { createStatsReader } from '../../src/adapters/store/stats/stats-reader.ts';
import { createTaskReader } from '../../src/adapters/store/task-reader.ts';
import type { TestDatabase } from '../support/database.ts';
import { describeOnDatabases } from '../support/describe-on-databases.ts';
import { plainJob, storeJobs } from '../support/diary.ts';
import { ana } from '../support/jobs.ts';

/** Zones whose rules changed lately, or whose days begin without a midnight. */
const cases = [
  ['America/Vancouver', '2026-11-30T07:30:00Z'],
  ['America/Santiago', '2026-09-06T03:59:59Z'],
  ['America/Santiago', '2026-09-06T04:00:00Z'],
  ['Africa/Cairo', '2026-04-23T21:59:59Z'],
  ['Africa/Casablanca', '2026-11-29T23:30:00Z'],
  ['Pacific/Apia', '2011-12-30T10:00:00Z'],
] as const;

describeOnDatabases('the day of a job', (create) => {
  let database: TestDatabase;

  beforeAll(async () => {
    database = await create();
  });

  afterAll(() => database?.drop());

  it.each(cases)('in %s at %s is one for older clients, filters and charts', async (timezone, at) => {
    const day = isoDateIn(timezone, Date.parse(at));
    await database.empty();
    await storeJobs(database.db, [{ ...plainJob, submittedAt: new Date(at) }]);
    const now = new Date(Date.parse(at) + 3_600_000);
    const search = createJobSearch(database.db);

    const byFilter = async (text: string): Promise<number> => {
      const request = { filter: parseFilter(text), now, timezone, limit: 10, budgetMs: 5_000 };
      return (await search.find(request, ana)).items.length;
    };
    const byChart = async (): Promise<string | undefined> => {
      const from = new Date(Date.parse(at) - 86_400_000);
      const request = { from, until: now, filter: parseFilter(''), now, timezone };
      const stats = createStatsReader(database.db, search);
      const { items } = await stats.counts({ ...request, by: 'state', bucket: 'day' }, ana);
      return items.find(({ jobs }) => jobs.some((count) => count > 0))?.from;
    };

    expect(await createTaskReader(database.db).countOfDay({ date: day, timezone }, ana)).toBe(1);
    expect(await byFilter(`submitted:${day}`)).toBe(1);
    const begins = await byChart();
    expect(begins).toBeDefined();
    expect(isoDateIn(timezone, Date.parse(begins ?? ''))).toBe(day);
  });
});
