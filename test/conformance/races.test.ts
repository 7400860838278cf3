import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { systemActor } from '../../src/contract/actor.ts';
import type { JobStore } from '../../src/domain/jobs/ports.ts';
import type { JobReader } from '../../src/domain/jobs/reader-ports.ts';
import { appendGap } from '../../src/domain/output/gap-chunk.ts';
import type { Database, Statement } from '../../src/adapters/store/database.ts';
import { createFleetStore } from '../../src/adapters/store/fleet/fleet-store.ts';
import { createJobReader } from '../../src/adapters/store/job-reader.ts';
import { createJobStore } from '../../src/adapters/store/job-store.ts';
import { createRetentionStore } from '../../src/adapters/store/retention/retention-store.ts';
import type { TestDatabase } from '../support/database.ts';
import { describeOnDatabases } from '../support/describe-on-databases.ts';
import { failed, joinWorker, newJob, submitOne, succeeded } from '../support/jobs.ts';
import { before, holdBeforeCommit, rewriting, untilWaiting } from '../support/moments.ts';
import { there } from '../support/there.ts';

const me = systemActor('test');
const again = { state: 'queued', runAt: null } as const;

describeOnDatabases('two moves of one job at one moment', (create) => {
  let database: TestDatabase;
  let store: JobStore;
  let reader: JobReader;

  beforeAll(async () => {
    database = await create();
    store = createJobStore(database.db);
    reader = createJobReader(database.db);
  });

  afterAll(() => database?.drop());

  beforeEach(() => database.empty());

  const stateOf = async (id: number): Promise<string | undefined> => (await reader.byId(id, me))?.state;
  const eventsOf = async (id: number): Promise<string[]> => {
    const events = await database.db.query<{ name: string }>(
      'select name from events where job_id = $1 order by xid, id',
      [id],
    );
    return events.map(({ name }) => name);
  };
  const takenOf = async (key: string): Promise<number | undefined> =>
    (await createFleetStore(database.db).lanes(me)).find((lane) => lane.key === key)?.taken;

  /** The first holds what it has moved, the second comes meanwhile and waits for it; both answers. @param only what it holds */
  async function meet<First, Second>(
    first: (db: Database) => Promise<First>,
    second: () => Promise<Second>,
    only?: string,
  ): Promise<[First, Second]> {
    const { db, isDone, letGo } = holdBeforeCommit(database.db, only);
    const one = first(db);
    let other: Promise<Second> | undefined;
    try {
      await Promise.race([isDone, one]);
      other = second();
      await untilWaiting(database.db, 1);
    } finally {
      letGo();
      await Promise.allSettled([one, other]);
    }
    return Promise.all([one, other]);
  }

  describe('a claim', () => {
    it('takes a job that was changed between its look and its lock, and counts it in its lane', async () => {
      await createFleetStore(database.db).putLane('licence', { capacity: 1 });
      const id = await submitOne(store, { lanes: ['licence'] });
      const { row, incarnation } = await joinWorker(database.db);
      const gate = 7_301_100;
      const slow = rewriting(
        database.db,
        'from places p join queues q on q.name = p.queue',
        `from pg_advisory_xact_lock_shared(${gate}) g cross join places p join queues q on q.name = p.queue`,
      );
      const opened = Promise.withResolvers<void>();
      const closed = Promise.withResolvers<void>();
      const holder = database.db.transaction(async (tx) => {
        await tx.query('select pg_advisory_xact_lock($1)', [gate]);
        closed.resolve();
        await opened.promise;
      });
      await closed.promise;
      const { id: workerId, queues, labels, kinds } = row;
      const claim = createJobStore(slow).claim({ workerId, incarnation, queues, labels, kinds, limit: 5 });
      try {
        await untilWaiting(database.db, 1);
        await store.change(id, { priority: 5 }, 'ana');
      } finally {
        opened.resolve();
        await holder;
      }
      expect((await claim).map(({ jobId }) => jobId)).toEqual([id]);
      expect(await stateOf(id)).toBe('running');
      expect(await takenOf('licence')).toBe(1);
      await store.finish((await claim).map((job) => succeeded(job)));
      expect(await takenOf('licence')).toBe(0);
    });

    it('is found by a cancel that came while it was under way', async () => {
      const id = await submitOne(store);
      const { row, incarnation } = await joinWorker(database.db);
      const request = { ...row, workerId: row.id, incarnation, limit: 1 };
      const [, cancelled] = await meet(
        (db) => createJobStore(db).claim(request),
        () => store.cancel([id], 'ana'),
      );
      expect(cancelled).toEqual([{ id, state: 'running', workerId: row.id }]);
      expect(await eventsOf(id)).toEqual(['submitted', 'claimed', 'cancel requested']);
    });

    it('leaves alone what a cancel is about to end', async () => {
      const id = await submitOne(store);
      const worker = await joinWorker(database.db);
      const { db, isDone, letGo } = holdBeforeCommit(database.db);
      const cancelled = createJobStore(db).cancel([id], 'ana');
      await isDone;
      const claimed = await worker.claim();
      letGo();
      expect(claimed).toEqual([]);
      expect(await cancelled).toMatchObject([{ id, state: 'cancelled' }]);
      expect(await worker.claim()).toEqual([]);
    });
  });

  describe('a cancel', () => {
    it('beats a retry by policy that waits for it', async () => {
      const id = await submitOne(store);
      const [job] = await (await joinWorker(database.db)).claim();
      const [cancelled, finished] = await meet(
        (db) => createJobStore(db).cancel([id], 'ana'),
        () => store.finish([failed(there(job), again)]),
        'update running r set cancel_requested_at',
      );
      expect(cancelled).toMatchObject([{ id, state: 'running' }]);
      expect(finished).toMatchObject([{ status: 'applied', state: 'cancelled', place: null }]);
      expect(await stateOf(id)).toBe('cancelled');
    });

    it('finds a job again that went back to its queue while it looked', async () => {
      const id = await submitOne(store);
      const [job] = await (await joinWorker(database.db)).claim();
      const db = before(database.db, 'cancel-running', () => store.finish([failed(there(job), again)]));
      expect(await createJobStore(db).cancel([id], 'ana')).toMatchObject([{ id, state: 'cancelled' }]);
      expect(await stateOf(id)).toBe('cancelled');
    });

    it('that waits for a retry by policy ends the job in its queue', async () => {
      const id = await submitOne(store);
      const [job] = await (await joinWorker(database.db)).claim();
      const [finished, cancelled] = await meet(
        (db) => createJobStore(db).finish([failed(there(job), again)]),
        () => store.cancel([id], 'ana'),
      );
      expect(finished).toMatchObject([{ state: 'queued' }]);
      expect(cancelled).toMatchObject([{ id, state: 'cancelled' }]);
      expect(await stateOf(id)).toBe('cancelled');
    });
  });

  describe('a removal', () => {
    const submitFailed = async (): Promise<number> => {
      const id = await submitOne(store);
      const [job] = await (await joinWorker(database.db)).claim();
      await store.finish([failed(there(job))]);
      return id;
    };
    const removeByRule = async (id: number): Promise<unknown> => {
      await database.db.query(`update ends set ended_at = ended_at - interval '3 days' where job_id = $1`, [
        id,
      ]);
      await database.db.query(
        `insert into retention_rules (name, filter, older_than_days, removes, is_enabled, effective_from, created_by, changed_by)
         values ('short', '', 1, 'job', true, now() - interval '1 day', 'ana', 'ana')`,
      );
      const retention = createRetentionStore(database.db, appendGap);
      const [run] = await retention.openRuns(new Date(), 0);
      return retention.removeFrom(id, there(run), new Date());
    };

    it('leaves a job to the retry that it waited for', async () => {
      const id = await submitFailed();
      const [retried, isRemoved] = await meet(
        (db) => createJobStore(db).retry(id, 'ana'),
        () => store.remove(id),
      );
      expect([retried, isRemoved]).toMatchObject([{ state: 'queued' }, false]);
      expect(await (await joinWorker(database.db)).claim()).toMatchObject([{ jobId: id, number: 2 }]);
    });

    it('leaves nothing to a retry that waited for it', async () => {
      const id = await submitFailed();
      const [isRemoved, retried] = await meet(
        (db) => createJobStore(db).remove(id),
        () => store.retry(id, 'ana'),
      );
      expect([isRemoved, retried]).toEqual([true, null]);
      expect(await reader.byId(id, me)).toBeNull();
      expect(await database.db.query('select from queued')).toEqual([]);
    });

    it('by a rule leaves a job to whoever keeps it at that moment', async () => {
      const id = await submitFailed();
      const [, removed] = await meet(
        (db) => createJobStore(db).change(id, { keep: true }, 'ana'),
        () => removeByRule(id),
      );
      expect(removed).toBeNull();
      expect(await reader.byId(id, me)).toMatchObject({ keep: true, state: 'failed' });
    });

    it('tells a job that comes meanwhile of nothing before it was submitted', async () => {
      const id = await submitFailed();
      const waiting = await submitOne(store, {
        state: 'waiting',
        after: [{ jobId: id, mustSucceed: true }],
      });
      let late = 0;
      const removing: Database = {
        ...database.db,
        transaction: (work) =>
          database.db.transaction((tx) =>
            work({
              query: async <Row>(statement: Statement | string, values?: readonly unknown[]) => {
                const rows = await tx.query<Row>(statement, values);
                if (late === 0 && typeof statement !== 'string' && statement.name === 'settle-dependants')
                  late = await submitOne(store, {
                    state: 'waiting',
                    after: [{ jobId: waiting, mustSucceed: true }],
                  });
                return rows;
              },
            }),
          ),
      };
      expect(await createJobStore(removing).remove(id)).toBe(true);
      expect(await stateOf(waiting)).toBe('failed');
      await store.settleDependants({ of: null, limit: 100 });
      expect(await eventsOf(late)).toEqual(['submitted', 'failed']);
    });

    it('takes a job that others were compared with, and their comparison', async () => {
      const id = await submitFailed();
      const other = await submitOne(store, { baseRuns: [{ jobId: id }] });
      expect(await store.remove(id)).toBe(true);
      expect(await database.db.query('select from base_runs where job_id = $1', [other])).toEqual([]);
    });
  });

  describe('an end', () => {
    it('told twice in one batch is one end, frees its lane once, and comes late to nothing', async () => {
      await createFleetStore(database.db).putLane('licence', { capacity: 2 });
      const ids = [
        await submitOne(store, { lanes: ['licence'] }),
        await submitOne(store, { lanes: ['licence'] }),
      ];
      const [one] = await (await joinWorker(database.db)).claim();
      const end = succeeded(there(one));
      const finished = await store.finish([end, end]);
      expect(finished.map(({ status }) => status)).toEqual(['applied', 'applied']);
      expect(await takenOf('licence')).toBe(1);
      expect(await eventsOf(there(ids[0]))).toEqual(['submitted', 'claimed', 'succeeded']);
      expect(await reader.attempts(there(ids[0]), me)).toMatchObject([{ number: 1, lateResults: [] }]);
    });

    it('of a lane that was removed and made anew while it ran is counted all the same', async () => {
      const fleet = createFleetStore(database.db);
      await fleet.putLane('licence', { capacity: 2 });
      await submitOne(store, { lanes: ['licence'] });
      const jobs = await (await joinWorker(database.db)).claim();
      await fleet.removeLane('licence');
      expect(await fleet.putLane('licence', { capacity: 2 })).toMatchObject({ taken: 1 });
      await store.finish(jobs.map((job) => succeeded(job)));
      expect(await takenOf('licence')).toBe(0);
    });

    it('gives each try its number, also when the job was cancelled in its queue and retried twice', async () => {
      const id = await submitOne(store);
      const worker = await joinWorker(database.db);
      for (const number of [1, 2, 3]) {
        const [job] = await worker.claim();
        expect(job).toMatchObject({ jobId: id, number });
        await store.finish([failed(there(job), number === 1 ? again : undefined)]);
        if (number === 1) await store.cancel([id], 'ana');
        await store.retry(id, 'ana');
      }
      expect(await reader.attempts(id, me)).toHaveLength(3);
      expect(await stateOf(id)).toBe('queued');
    });
  });

  describe('a submit', () => {
    it('of a place that is new stores beside another one of it', async () => {
      const needs = ['never named before'];
      const [first, second] = await meet(
        (db) => createJobStore(db).submit([newJob({ needs })]),
        () => store.submit([newJob({ needs }), newJob()]),
        'insert into places (queue, needs)\nselect',
      );
      expect(first).toMatchObject([{ status: 'stored' }]);
      expect(second).toMatchObject([{ status: 'stored' }, { status: 'stored' }]);
      expect(await (await joinWorker(database.db, { labels: needs })).claim()).toHaveLength(3);
    });

    it('answers what it stored, also when a neighbour of a new place is refused', async () => {
      const needs = ['new with a bad neighbour'];
      const outcomes = await store.submit([
        newJob(),
        newJob({ needs }),
        newJob({ needs, state: 'waiting', after: [{ jobId: 987_654, mustSucceed: false }] }),
      ]);
      expect(outcomes.map(({ status }) => status)).toEqual(['stored', 'stored', 'refused']);
    });
  });
});
