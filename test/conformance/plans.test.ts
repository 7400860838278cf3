import { afterEach, beforeEach, expect, it } from 'vitest';
import { parseFilter } from '../../src/contract/filter/parse.ts';
import { createDatabase, type Database } from '../../src/adapters/store/database.ts';
import { createWorkerStore } from '../../src/adapters/store/fleet/worker-store.ts';
import { createJobStore } from '../../src/adapters/store/job-store.ts';
import { createJobSearch } from '../../src/adapters/store/search/job-search.ts';
import { positionOf, toCursor } from '../../src/adapters/store/search/position.ts';
import { createStatsReader } from '../../src/adapters/store/stats/stats-reader.ts';
import type { ClaimedJob, ClaimRequest } from '../../src/domain/jobs/ports.ts';
import { drainBesideOldTransaction } from '../storm/old-transaction.ts';
import type { TestDatabase } from '../support/database.ts';
import { describeOnDatabases } from '../support/describe-on-databases.ts';
import { ana, failed, newJob, newWorker, startOf, succeeded } from '../support/jobs.ts';
import { pollUntil } from '../support/poll.ts';
import { there } from '../support/there.ts';

const grown = 5_000;
const batch = 10;
const mover = 'daybook-mover';

describeOnDatabases('statements that were planned while nothing lived', (create) => {
  let database: TestDatabase;

  beforeEach(async () => {
    database = await create();
  });

  afterEach(() => database?.drop());

  /** Of the tables that grow: rows that were read from them, by anybody whose session has ended. */
  async function rowsRead(): Promise<Map<string, number>> {
    const rows = await database.db.query<{ name: string; read: number }>(
      `select relname as name, coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0) as read from pg_stat_user_tables
       where relname in ('jobs', 'queued', 'running', 'ends', 'job_inputs', 'attempts', 'events')`,
    );
    return new Map(rows.map(({ name, read }) => [name, read]));
  }

  const sessions = (): Promise<unknown[]> =>
    database.db.query(
      'select from pg_stat_activity where datname = current_database() and application_name = $1',
      [mover],
    );

  /** What the sessions of a process come to know is told when they end. */
  async function within<T>(work: (db: Database) => Promise<T>): Promise<T> {
    const db = createDatabase({
      connection: { connectionString: database.url },
      poolSize: 2,
      applicationName: mover,
      onIdleError: () => {},
    });
    const others = (await sessions()).length;
    try {
      return await work(db);
    } finally {
      await db.close();
      await pollUntil(sessions, (left) => left.length <= others);
    }
  }

  const submitMany = (db: Database): Promise<unknown> =>
    Promise.all(
      Array.from({ length: grown / 250 }, (_, part) =>
        createJobStore(db).submit(
          Array.from({ length: 250 }, (_, index) => newJob({ priority: (part + index) % 3 })),
        ),
      ),
    );

  /** Every move of workers and the house, and of people those that take several jobs or go with many. */
  async function moveOnce(db: Database, request: ClaimRequest): Promise<void> {
    const store = createJobStore(db);
    const workers = createWorkerStore(db);
    const stored = await store.submit(Array.from({ length: batch }, () => newJob({ priority: -1 })));
    const ids = stored.map((outcome) => (outcome.status === 'stored' ? outcome.id : 0));
    await store.submit([newJob({ state: 'waiting', after: [{ jobId: there(ids[0]), mustSucceed: true }] })]);
    await store.cancel(ids.slice(0, 3), 'ana');
    await store.retry(there(ids[1]), 'ana');
    await store.settleDependants({ of: ids.slice(0, 1), limit: batch });
    await store.remove(there(ids[2]));
    const claimed = await store.claim(request);
    const { claimed: more } = await store.finishAndClaim(claimed.map(endOf), request);
    await store.recordStarts(more.map(startOf));
    await store.setProgress(more.map((job) => ({ ...job, progress: { done: 0.5 } })));
    const [one] = more;
    if (one) await store.nearLimit(one, { limit: 'cpu', value: 9, max: 10, at: Date.now() });
    await store.cancel(
      more.slice(0, 2).map(({ jobId }) => jobId),
      'ana',
    );
    await workers.beat(request.workerId, request.incarnation);
    await store.finish(more.map(endOf));
    await store.sweep(batch);
  }

  it('read few rows for each move, however many there are by then', async () => {
    const row = newWorker();
    const read = await within(async (db) => {
      const { incarnation } = await createWorkerStore(db).register(row);
      const request = { ...row, workerId: row.id, incarnation, limit: batch };
      await database.db.query('vacuum analyze');
      await moveOnce(db, request);
      // Half of them end, so that there is something of everything; by another process, which plans for itself.
      await within(async (other) => {
        await submitMany(other);
        const { incarnation } = await createWorkerStore(other).register(newWorker({ id: otherWorker }));
        const store = createJobStore(other);
        for (let ended = 0; ended < grown / 2; ended += 250)
          await store.finish(
            (await store.claim({ ...request, workerId: otherWorker, incarnation, limit: 250 })).map((job) =>
              succeeded(job),
            ),
          );
        await store.claim({ ...request, workerId: otherWorker, incarnation, limit: 250 });
      });
      const before = await rowsRead();
      for (let round = 0; round < 5; round += 1) await moveOnce(db, request);
      return before;
    });
    const after = await rowsRead();

    const perRound = [...after].map(([name, count]) => ({ name, rows: (count - (read.get(name) ?? 0)) / 5 }));
    // Some twenty statements, half of them for ten jobs. One that reads a table whole reads thousands.
    expect(perRound.filter(({ rows }) => rows > 400)).toEqual([]);
    expect(perRound.find(({ name }) => name === 'queued')?.rows).toBeGreaterThan(batch);
  });

  it('read no more of what is queued than a page shows, wherever it begins', async () => {
    await submitMany(database.db);
    await database.db.query('analyze');
    const [middle] = await database.db.query<{ micros: string; id: string }>(
      `select ${positionOf('j')} from jobs j order by id offset ${grown / 2} limit 1`,
    );
    const cursor = toCursor(there(middle));
    const before = await rowsRead();
    const pages = await within(async (db) => {
      const filter = parseFilter('state:queued');
      const search = createJobSearch(db);
      const context = { filter, now: new Date(), timezone: 'UTC', limit: batch };
      return [
        await search.findIds(context, ana),
        await search.findIds({ ...context, cursor }, ana),
        await search.findIds({ ...context, cursor, order: 'oldest' }, ana),
      ];
    });
    expect(pages.map(({ items }) => items.length)).toEqual([batch, batch, batch]);
    const after = await rowsRead();
    // Jobs of one submit are sorted by number: those of the one where the page begins, and those of the next.
    expect((after.get('queued') ?? 0) - (before.get('queued') ?? 0)).toBeLessThan(3 * 520);
  });

  it('count by worker what a span of time has, and look up no others', async () => {
    await database.db.query(
      `with made as (
         insert into jobs (uid, kind, name, queue, owner, submitted_at)
         select gen_random_uuid(), 'script', 'n', 'default', 'ana', timestamptz '2026-01-01' + n * interval '1 minute'
         from generate_series(1, $1::int) n returning id, submitted_at
       ), ended as (
         insert into ends (job_id, submitted_at, owner, state, attempt, ended_at)
         select id, submitted_at, 'ana', 'succeeded', 1, submitted_at from made
       )
       insert into attempts (job_id, number, token, runs_by, worker_name, state, claimed_at, ended_at)
       select id, 1, gen_random_uuid(), 'slot', 'w' || id % 2, 'succeeded', submitted_at, submitted_at from made`,
      [grown],
    );
    await database.db.query('analyze');
    const before = await rowsRead();
    const counts = await within((db) =>
      createStatsReader(db, createJobSearch(db)).counts(
        {
          from: new Date('2026-01-02'),
          until: new Date('2026-01-02T01:00:00Z'),
          now: new Date('2026-06-01'),
          timezone: 'UTC',
          filter: parseFilter(''),
          by: 'worker',
          bucket: 'hour',
        },
        ana,
      ),
    );
    expect(counts.items.flatMap(({ jobs }) => jobs)).toEqual([30, 30]);
    const after = await rowsRead();
    for (const name of ['ends', 'attempts'])
      expect((after.get(name) ?? 0) - (before.get(name) ?? 0), name).toBeLessThan(200);
  });

  it('drain a queue also while an old transaction keeps every row that they leave behind', async () => {
    expect(await drainBesideOldTransaction(database.db, 3_000)).toMatchObject({ jobs: 3_000 });
  });
});

const otherWorker = '11111111-1111-4111-8111-111111111111';

function endOf(job: ClaimedJob): ReturnType<typeof succeeded> {
  return job.jobId % 2 === 0 ? succeeded(job) : failed(job, { state: 'queued', runAt: null });
}
