import { afterAll, beforeAll, expect, it } from 'vitest';
import { systemActor } from '../../src/contract/actor.ts';
import type { PartSummary } from '../../src/contract/part.ts';
import type { NewPart, PartStore } from '../../src/domain/reports/part-ports.ts';
import { createJobStore } from '../../src/adapters/store/job-store.ts';
import { createPartStore } from '../../src/adapters/store/part-store.ts';
import type { Database } from '../../src/adapters/store/database.ts';
import type { TestDatabase } from '../support/database.ts';
import { describeOnDatabases } from '../support/describe-on-databases.ts';
import { joinWorker, submitOne } from '../support/jobs.ts';

const me = systemActor('test');
const hourMs = 3_600_000;
const fromMs = Date.parse('2026-03-01T00:00:00Z');
const key = `https://shop.example/${'long'.repeat(2_000)}`;

describeOnDatabases('how one thing fared', (create) => {
  let database: TestDatabase;
  let store: PartStore;
  let jobId = 0;

  beforeAll(async () => {
    database = await create();
    store = createPartStore(database.db);
    const jobs = createJobStore(database.db);
    jobId = await submitOne(jobs);
    const [job] = await (await joinWorker(database.db)).claim(1);
    if (!job) throw new Error('there is a job to claim');
    const parts: [hour: number, tone: NewPart['verdict']['tone'], tookMs: number | null][] = [
      [-0.001, 'bad', 1],
      [0, 'bad', 10],
      [0.9999, 'good', 20],
      [1, 'good', 30],
      [3, 'bad', null],
      [3.25, 'warn', 50],
      [3.5, 'warn', 70],
      [4, 'good', 1],
    ];
    await store.append(job, 'url', [
      ...parts.map(([hour, tone, tookMs], index) => partAt(index + 1, hour, { tone, tookMs })),
      partAt(20, 2, { key: 'https://other.example/', tone: 'bad', tookMs: 5 }),
    ]);
  });
  afterAll(() => database?.drop());

  function partAt(
    number: number,
    hour: number,
    { tone, ...more }: { tone: NewPart['verdict']['tone']; tookMs: number | null; key?: string },
  ): NewPart {
    const endedAt = new Date(fromMs + Math.round(hour * hourMs)).toISOString();
    return { number, key, endedAt, verdict: { text: `number ${number}`, tone }, facts: {}, ...more };
  }

  const summary = (of: string, hours = 4, slices = 4): Promise<PartSummary> => {
    const until = new Date(fromMs + hours * hourMs);
    return store.summary({ kind: 'url', key: of, from: new Date(fromMs), until, slices }, me);
  };

  it('is counted in the slice in which it ended, from the first moment to before the last', async () => {
    expect((await summary(key)).slices).toEqual([
      { number: 0, good: 1, warn: 0, bad: 1, medianMs: 15 },
      { number: 1, good: 1, warn: 0, bad: 0, medianMs: 30 },
      { number: 3, good: 0, warn: 2, bad: 1, medianMs: 60 },
    ]);
    expect((await summary(key, 4, 1)).slices).toEqual([
      { number: 0, good: 2, warn: 2, bad: 2, medianMs: 30 },
    ]);
    expect((await summary(key, 4, 7)).slices.map(({ number }) => number)).toEqual([0, 1, 5, 6]);
  });

  it('has the newest, whole, and since when it is as it is', async () => {
    expect(await summary(key)).toMatchObject({
      latest: { jobId, number: 7, key, verdict: { text: 'number 7', tone: 'warn' }, tookMs: 70 },
      unchangedSince: new Date(fromMs + 3.25 * hourMs).toISOString(),
      isCut: false,
    });
    expect(await summary(key, 1)).toMatchObject({
      latest: { number: 3 },
      unchangedSince: new Date(fromMs + 0.9999 * hourMs).toISOString(),
    });
  });

  it('is nothing for a key that nobody tested', async () => {
    expect(await summary('https://nobody.example/')).toMatchObject({
      latest: null,
      unchangedSince: null,
      slices: [],
    });
  });

  it('is read from the index alone, but for the newest', async () => {
    await database.db.transaction(async (tx) => {
      // Vacuum calls nothing visible to all whose commit is not on the disk yet.
      await tx.query('set local synchronous_commit = on');
      // Among as many parts of other things that PostgreSQL does not rather read the table from its begin to its end.
      await tx.query(`
        insert into job_parts (job_id, number, attempt, kind, key, ended_at, verdict, verdict_tone, took_ms, facts)
        select job_id, 100 + n, attempt, kind,
          case n % 5 when 0 then 'https://many.example/' else 'https://other.example/' || n % 5 end,
          ended_at + n / 5 * interval '1 second', verdict, verdict_tone, took_ms, facts
        from job_parts, generate_series(1, 25000) n where number = 1
        on conflict do nothing`);
    });
    await vacuumWhole(database.db);
    const { db } = database;
    const asked: [text: string, values: unknown[]][] = [];
    const listening = Object.create(db, {
      query: {
        value: (text: string, values: unknown[]) => {
          asked.push([text, values]);
          return db.query(text, values);
        },
      },
    }) as typeof db;
    const query = { kind: 'url', from: new Date(fromMs), until: new Date(fromMs + 4 * hourMs), slices: 4 };
    const many = { ...query, key: 'https://many.example/' };
    expect((await createPartStore(listening).summary(many, me)).slices[0]).toMatchObject({ bad: 3600 });
    const [[text, values] = ['', []]] = asked;
    const plan = await db.query<Record<string, string>>(`explain (analyze) ${text}`, values);
    const lines = plan.map((row) => Object.values(row)[0]).join('\n');
    expect(lines).toMatch(/Index Only Scan using job_parts_by_key on job_parts p.* rows=4997\b/);
    expect(lines).toContain('Heap Fetches: 0');
    expect(lines).not.toContain('Seq Scan');
  });
});

/** Vacuums until every page counts as visible to all: an analysis that PostgreSQL runs by itself meanwhile prevents it. */
async function vacuumWhole(db: Database): Promise<void> {
  await expect
    .poll(
      async () => {
        await db.query('vacuum analyze job_parts');
        return db.query(`
          select relallvisible = relpages as whole from pg_class where oid = 'job_parts'::regclass`);
      },
      { timeout: 20_000 },
    )
    .toEqual([{ whole: true }]);
}
