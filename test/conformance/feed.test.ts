import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { systemActor } from '../../src/contract/actor.ts';
import { repairPositions } from '../../src/adapters/store/cluster-positions.ts';
import { createJobReader } from '../../src/adapters/store/job-reader.ts';
import { createJobStore } from '../../src/adapters/store/job-store.ts';
import type { Database } from '../../src/adapters/store/database.ts';
import type { TestDatabase } from '../support/database.ts';
import { describeOnDatabases } from '../support/describe-on-databases.ts';
import { newJob } from '../support/jobs.ts';

const everybody = systemActor('test');

describeOnDatabases('the feed of events', (create) => {
  let database: TestDatabase;
  let neighbour: TestDatabase;

  beforeAll(async () => {
    [database, neighbour] = await Promise.all([create(), create()]);
  });

  afterEach(() => database.empty());

  afterAll(async () => {
    await database?.drop();
    await neighbour?.drop();
  });

  const feed = (position: string | null): ReturnType<ReturnType<typeof createJobReader>['feed']> =>
    createJobReader(database.db).feed(position, 100, everybody);

  async function submit(): Promise<number> {
    const [stored] = await createJobStore(database.db).submit([newJob()]);
    if (stored?.status !== 'stored') throw new Error('not stored');
    return stored.id;
  }

  const jobsIn = async (position: string | null): Promise<number[]> =>
    (await feed(position)).events.map(({ jobId }) => jobId);

  it('goes on while a neighbour in another database of the server keeps a transaction open', async () => {
    const { position } = await feed(null);
    const held = await hold(neighbour.db);
    try {
      const id = await submit();
      expect(await jobsIn(position)).toEqual([id]);
    } finally {
      await held.release();
    }
  });

  it('never passes over an event because a transaction begins while the end is looked for', async () => {
    const { position } = await feed(null);
    const held = await hold(database.db, await submit());
    try {
      await submit();
      // The sessions are looked at later than the number of the next transaction, which is taken by then.
      const query: Database['query'] = async <Row>(
        ...asked: Parameters<Database['query']>
      ): Promise<Row[]> => {
        const rows = await database.db.query<Row & { next?: string; ours?: number[] }>(...asked);
        for (const row of rows) row.ours?.push(Number(row.next), Number(row.next) + 1);
        return rows;
      };
      const late = createJobReader({ ...database.db, query });
      const { events } = await late.feed(position, 100, everybody);
      expect(events.map(({ name }) => name)).toEqual(['submitted']);
    } finally {
      await held.release();
    }
  });

  it('never passes over an event of ours that commits late, and tells it in its place', async () => {
    const [first, second] = [await submit(), await submit()];
    const { position } = await feed(null);
    const held = await hold(database.db, first);
    const later = await submit();
    expect(await jobsIn(position)).toEqual([]);
    await held.release();
    expect(await jobsIn(position)).toEqual([first, later]);
    expect(second).not.toBe(first);
  });

  it('takes a position of another cluster, ahead of every transaction here, for now', async () => {
    await submit();
    const page = await feed('999999999-5');
    expect(page.events).toEqual([]);
    const id = await submit();
    expect(await jobsIn(page.position)).toEqual([id]);
  });

  it('is put right when its rows came from a cluster that had counted further', async () => {
    const [seen, unseen] = [await submit(), await submit()];
    await database.db.query(`update events set xid = '900000000'`);
    const [last] = await database.db.query<{ id: number }>(
      'select max(id) as id from events where job_id = $1',
      [seen],
    );
    await database.db.query('insert into notification_position (position) values ($1)', [
      `900000000-${last?.id}`,
    ]);
    expect(await repairPositions(database.db)).toBe(true);
    const [stored] = await database.db.query<{ position: string }>(
      'select position from notification_position',
    );
    expect(await jobsIn(stored?.position ?? '')).toEqual([unseen]);
    const id = await submit();
    expect(await jobsIn(stored?.position ?? '')).toEqual([unseen, id]);
    expect(await repairPositions(database.db)).toBe(false);
  });
});

/** A transaction that has written, and goes on until it is released. @param jobId writes an event of this job */
async function hold(db: Database, jobId?: number): Promise<{ release(): Promise<void> }> {
  const written = Promise.withResolvers<void>();
  const released = Promise.withResolvers<void>();
  const done = db.transaction(async (tx) => {
    await tx.query('select pg_current_xact_id()');
    if (jobId !== undefined)
      await tx.query(`insert into events (job_id, actor, name) values ($1, 'test', 'queued')`, [jobId]);
    written.resolve();
    await released.promise;
  });
  await Promise.race([written.promise, done]);
  return {
    release: async () => {
      released.resolve();
      await done;
    },
  };
}
