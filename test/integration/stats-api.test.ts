import { describe, expect, it } from 'vitest';
import { parseFilter } from '../../src/contract/filter/parse.ts';
import type { DiskHistory, JobCounts, JobTimes, QueueHistory } from '../../src/contract/stats.ts';
import type { StatsRequest } from '../../src/domain/diary/stats-ports.ts';
import { createJobSearch } from '../../src/adapters/store/search/job-search.ts';
import { createStatsReader } from '../../src/adapters/store/stats/stats-reader.ts';
import { admin, ask, database, useAccounts } from '../support/accounts.ts';
import { plainJob, storeJobs, type DiaryJob } from '../support/diary.ts';
import { ana } from '../support/jobs.ts';

useAccounts();

const at = (text: string): Date => new Date(text);

function job(change: Partial<DiaryJob>): DiaryJob {
  return { ...plainJob, ...change };
}

function ended(submitted: string, change: Partial<DiaryJob> = {}): DiaryJob {
  const submittedAt = at(submitted);
  const startedAt = new Date(submittedAt.getTime() + 2_000);
  return job({
    state: 'succeeded',
    submittedAt,
    startedAt,
    endedAt: new Date(startedAt.getTime() + 5_000),
    ...change,
  });
}

const store = (...jobs: DiaryJob[]): Promise<number[]> => storeJobs(database.db, jobs);

const reader = (options = {}): ReturnType<typeof createStatsReader> =>
  createStatsReader(database.db, createJobSearch(database.db), options);

function request(change: Partial<StatsRequest> = {}): StatsRequest {
  return {
    from: at('2026-11-01T00:00:00Z'),
    until: at('2026-11-04T00:00:00Z'),
    filter: { terms: [] },
    now: at('2026-11-10T00:00:00Z'),
    timezone: 'UTC',
    ...change,
  };
}

const counts = (change: Partial<StatsRequest> = {}, by: JobCounts['by'] = 'state'): Promise<JobCounts> =>
  reader().counts({ ...request(change), by, bucket: 'day' }, ana);

describe('jobs per day', () => {
  it('are counted by state, the largest group first, days without jobs included', async () => {
    await store(
      ended('2026-11-01T00:00:00Z'),
      ended('2026-11-01T23:59:59Z'),
      job({ submittedAt: at('2026-11-03T12:00:00Z') }),
      ended('2026-11-04T00:00:00Z'),
      ended('2026-10-31T23:59:59Z'),
    );
    const { groups, items, every } = await counts();
    expect(groups).toEqual([
      { name: 'succeeded', isRest: false, jobs: 2 },
      { name: 'queued', isRest: false, jobs: 1 },
    ]);
    expect(items.map(({ from, jobs }) => [from, jobs])).toEqual([
      ['2026-11-01T00:00:00.000Z', [2, 0]],
      ['2026-11-02T00:00:00.000Z', [0, 0]],
      ['2026-11-03T00:00:00.000Z', [0, 1]],
    ]);
    expect(every).toBe(1);
  });

  it('belong to the day of the time zone, also where it has 25 or 23 hours', async () => {
    const timezone = 'Europe/Berlin';
    await store(
      ended('2026-10-24T21:59:59Z'),
      ended('2026-10-24T22:00:00Z'),
      ended('2026-10-25T22:59:59Z'),
      ended('2026-10-25T23:00:00Z'),
      ended('2026-03-28T23:00:00Z'),
      ended('2026-03-29T21:59:59Z'),
      ended('2026-03-29T22:00:00Z'),
    );
    const autumn = await counts({
      timezone,
      from: at('2026-10-24T22:00:00Z'),
      until: at('2026-10-26T23:00:00Z'),
    });
    expect(autumn.items.map(({ from, until, jobs }) => [from, until, jobs[0]])).toEqual([
      ['2026-10-24T22:00:00.000Z', '2026-10-25T23:00:00.000Z', 2],
      ['2026-10-25T23:00:00.000Z', '2026-10-26T23:00:00.000Z', 1],
    ]);
    const spring = await counts({
      timezone,
      from: at('2026-03-28T23:00:00Z'),
      until: at('2026-03-29T22:00:00Z'),
    });
    expect(spring.items.map(({ from, until, jobs }) => [from, until, jobs[0]])).toEqual([
      ['2026-03-28T23:00:00.000Z', '2026-03-29T22:00:00.000Z', 2],
    ]);
    const hours = await reader().counts(
      {
        ...request({ timezone, from: at('2026-10-24T22:00:00Z'), until: at('2026-10-25T23:00:00Z') }),
        by: 'state',
        bucket: 'hour',
      },
      ana,
    );
    expect(hours.items).toHaveLength(25);
  });

  it('of more groups than a chart can name are told as the rest, and jobs without one as such', async () => {
    const owners = Array.from({ length: 12 }, (_, n) => `person-${n}`);
    await store(
      ...owners.flatMap((owner, n) =>
        Array.from({ length: 13 - n }, () => ended('2026-11-01T12:00:00Z', { owner })),
      ),
      ended('2026-11-01T12:00:00Z', { owner: 'person-0', project: 'p1' }),
    );
    const { groups, items } = await counts({}, 'owner');
    expect(groups).toHaveLength(10);
    expect(groups[0]).toEqual({ name: 'person-0', isRest: false, jobs: 14 });
    expect(groups.at(-1)).toEqual({ name: null, isRest: true, jobs: 4 + 3 + 2 });
    expect(items[0]?.jobs.reduce((sum, jobs) => sum + jobs, 0)).toBe(91);
    expect((await counts({}, 'project')).groups).toEqual([
      { name: null, isRest: false, jobs: 90 },
      { name: 'p1', isRest: false, jobs: 1 },
    ]);
  });

  it('are narrowed by a filter: by columns, by words, and by what no index knows', async () => {
    await store(
      ended('2026-11-01T12:00:00Z', { name: 'crash test', worker: 'east' }),
      ended('2026-11-01T12:00:00Z', { name: 'crash test', owner: 'bo' }),
      ended('2026-11-02T12:00:00Z', { assessment: 'obsolete' }),
    );
    const jobsOf = async (q: string): Promise<number> =>
      (await counts({ filter: parseFilter(q) })).groups.reduce((sum, { jobs }) => sum + jobs, 0);
    expect(await jobsOf('')).toBe(2);
    expect(await jobsOf('show:obsolete')).toBe(3);
    expect(await jobsOf('crash')).toBe(2);
    expect(await jobsOf('crash owner:bo')).toBe(1);
    expect(await jobsOf('wall:>4s worker:east')).toBe(1);
    expect(await jobsOf('nothing-like-it')).toBe(0);
    expect((await counts({}, 'worker')).groups).toContainEqual({ name: 'east', isRest: false, jobs: 1 });
  });

  it('of a long time are estimated from a part of the jobs, and that is told', async () => {
    await store(...Array.from({ length: 400 }, () => ended('2026-11-02T12:00:00Z', { name: 'crash' })));
    for (const q of ['', 'crash wall:>1s']) {
      const filter = parseFilter(q);
      const search = {
        ...createJobSearch(database.db),
        findIds: async () => ({ ...emptyPage, cursor: 'x' }),
      };
      const { every, groups } = await createStatsReader(database.db, search, { mostJobs: 100 }).counts(
        { ...request({ filter }), by: 'state', bucket: 'day' },
        ana,
      );
      expect(every).toBe(4);
      expect(groups[0]?.jobs).toBeGreaterThan(280);
      expect(groups[0]?.jobs).toBeLessThan(520);
    }
  });
});

const emptyPage = { items: [], searchedBackTo: null };

describe('how long jobs took', () => {
  it('is told as median, 95th percentile and bins, by group', async () => {
    const spans = [1_000, 2_000, 3_000, 4_000, 50_000];
    await store(
      ...spans.map((ms) => {
        const startedAt = at('2026-11-01T12:00:10Z');
        return job({
          state: 'succeeded',
          submittedAt: at('2026-11-01T12:00:00Z'),
          startedAt,
          endedAt: new Date(startedAt.getTime() + ms),
        });
      }),
      job({ submittedAt: at('2026-11-01T12:00:00Z') }),
    );
    const of = (span: 'run' | 'wait'): Promise<JobTimes> =>
      reader().times({ ...request(), by: 'state', of: span }, ana);
    const { edgesMs, groups } = await of('run');
    expect(groups).toMatchObject([{ name: 'succeeded', jobs: 5, medianMs: 3_000, p95Ms: 40_800 }]);
    const bin = (ms: number): number => edgesMs.filter((edge) => edge <= ms).length;
    const expected = edgesMs.map(() => 0).concat(0);
    for (const ms of spans) expected[bin(ms)] = (expected[bin(ms)] ?? 0) + 1;
    expect(groups[0]?.bins).toEqual(expected);
    expect((await of('wait')).groups[0]).toMatchObject({ medianMs: 10_000, p95Ms: 10_000 });
  });
});

describe('free space', () => {
  it('is what jobs left when they ended, with the jobs that took most', async () => {
    const ids = await store(
      ended('2026-11-01T12:00:00Z', { name: 'takes', worker: 'w' }),
      ended('2026-11-02T12:00:00Z', { name: 'gives', worker: 'w' }),
    );
    await database.db.query(
      `update attempts set free_before_kib = case job_id when $1 then 5000 else 1000 end,
         free_after_kib = case job_id when $1 then 1000 else 6000 end`,
      [ids[0]],
    );
    const { items, takers }: DiskHistory = await reader().disk(request(), ana);
    expect(items).toEqual([
      { at: '2026-11-01T12:00:07.000Z', jobId: ids[0], freeBytes: 1000 * 1024 },
      { at: '2026-11-02T12:00:07.000Z', jobId: ids[1], freeBytes: 6000 * 1024 },
    ]);
    expect(takers).toEqual([
      { jobId: ids[0], name: 'takes', at: '2026-11-01T12:00:07.000Z', tookBytes: 4000 * 1024 },
    ]);
  });
});

describe('the last minutes of a queue', () => {
  it('say what waited, ran, ended and failed in each', async () => {
    const now = at('2026-11-01T12:10:30Z');
    const minute = (m: number, s = 0): Date => new Date(Date.UTC(2026, 10, 1, 12, m, s));
    await store(
      // Waits since before, runs from 12:08 on.
      job({ state: 'running', submittedAt: minute(1), startedAt: minute(8, 5) }),
      // Came and failed.
      job({
        state: 'failed',
        reason: 'exit',
        submittedAt: minute(7),
        startedAt: minute(8),
        endedAt: minute(9),
      }),
      // Was cancelled before it started.
      job({ state: 'cancelled', submittedAt: minute(6), endedAt: minute(9, 30) }),
      job({ submittedAt: minute(10, 10) }),
      ended('2026-11-01T09:00:00Z'),
    );
    const { minutes, queues }: QueueHistory = await reader().queues({ minutes: 6, now }, ana);
    expect(minutes).toEqual([5, 6, 7, 8, 9, 10].map((m) => minute(m).toISOString()));
    expect(queues).toEqual([
      {
        queue: 'default',
        waiting: [1, 2, 3, 1, 0, 1],
        running: [0, 0, 0, 2, 1, 1],
        ended: [0, 0, 0, 0, 2, 0],
        failed: [0, 0, 0, 0, 1, 0],
      },
    ]);
  });
});

describe('over HTTP', () => {
  it('a range, a grouping and a filter are read, and what cannot be is refused by name', async () => {
    await store(ended('2026-11-01T12:00:00Z'));
    const range = 'from=2026-11-01T00:00:00Z&until=2026-11-02T00:00:00Z';
    const { status, body } = await ask('GET', `/stats/jobs?${range}&by=kind&q=owner:ana`, admin);
    expect([status, body]).toMatchObject([
      200,
      { by: 'kind', bucket: 'hour', timezone: 'UTC', groups: [{ name: 'script', jobs: 1 }] },
    ]);
    expect(body.items).toHaveLength(24);
    for (const [query, field] of [
      ['from=2026-11-02T00:00:00Z&until=2026-11-01T00:00:00Z', 'from'],
      [`${range}&q=wall:x`, 'q'],
      ['from=1900-01-01T00:00:00Z&bucket=hour', 'bucket'],
      ['until=0000-01-01T00:00:00Z', 'from'],
    ] as const) {
      const refused = await ask('GET', `/stats/jobs?${query}`, admin);
      expect([refused.status, refused.body.details?.[0]?.field]).toEqual([400, field]);
    }
    for (const path of [
      'jobs?bucket=day&until=9999-12-31T23:59:59Z',
      'times?of=wait',
      'disk?',
      'queues?minutes=5',
    ]) {
      expect((await ask('GET', `/stats/${path}`, admin)).status).toBe(200);
    }
  });
});
