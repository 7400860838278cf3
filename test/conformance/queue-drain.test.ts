import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { systemActor } from '../../src/contract/actor.ts';
import type { FleetStore } from '../../src/domain/fleet/ports.ts';
import type { JobStore, NewJob } from '../../src/domain/jobs/ports.ts';
import type { JobReader } from '../../src/domain/jobs/reader-ports.ts';
import { createFleetStore } from '../../src/adapters/store/fleet/fleet-store.ts';
import { createJobReader } from '../../src/adapters/store/job-reader.ts';
import { createJobStore } from '../../src/adapters/store/job-store.ts';
import type { TestDatabase } from '../support/database.ts';
import { describeOnDatabases } from '../support/describe-on-databases.ts';
import { holdBeforeCommit } from '../support/moments.ts';
import { pollUntil } from '../support/poll.ts';
import { there } from '../support/there.ts';
import { failed, joinWorker, newJob, submitOne, succeeded } from '../support/jobs.ts';

const me = systemActor('test');

describeOnDatabases('a queue that drains', (create) => {
  let database: TestDatabase;
  let store: JobStore;
  let reader: JobReader;
  let fleet: FleetStore;

  beforeAll(async () => {
    database = await create();
    store = createJobStore(database.db);
    reader = createJobReader(database.db);
    fleet = createFleetStore(database.db);
  });

  afterAll(() => database?.drop());

  beforeEach(async () => {
    await database.empty();
    await fleet.putQueue('other', { draining: false });
  });

  const queue = async () => (await fleet.queues()).find(({ name }) => name === 'default');
  const count = (): Promise<number> => reader.count({}, me);

  it('stores no new job, and says so of each of a batch without spoiling its neighbours', async () => {
    await fleet.putQueue('default', { draining: true });
    const outcomes = await store.submit([newJob(), newJob({ queue: 'other' }), newJob({ queue: 'nowhere' })]);
    expect(outcomes.map(({ status }) => status)).toEqual(['queue_draining', 'stored', 'unknown_queue']);
    expect(await count()).toBe(1);
    await fleet.putQueue('default', { draining: false });
    expect(await store.submit([newJob()])).toMatchObject([{ status: 'stored' }]);
  });

  it('answers a repetition of what it accepted before with that job', async () => {
    const idempotency = { scope: 'ana', key: 'nightly', bodyHash: 'aa' };
    const id = await submitOne(store, { idempotency });
    await fleet.putQueue('default', { draining: true });
    expect(await store.submit([newJob({ idempotency, uid: randomUUID() })])).toMatchObject([
      { status: 'stored', id, isNew: false },
    ]);
    expect(await store.submit([newJob({ idempotency: { ...idempotency, bodyHash: 'bb' } })])).toEqual([
      { status: 'key_conflict' },
    ]);
    const refused = { ...idempotency, key: 'another' };
    expect(await store.submit([newJob({ idempotency: refused })])).toEqual([{ status: 'queue_draining' }]);
    await fleet.putQueue('default', { draining: false });
    // A refusal does not use up the key.
    expect(await store.submit([newJob({ idempotency: refused })])).toMatchObject([{ isNew: true }]);
  });

  it('runs what it has, the retries its jobs asked for included, and tells how far it is', async () => {
    const first = await submitOne(store);
    await submitOne(store);
    const worker = await joinWorker(database.db);
    const [running] = await worker.claim(1);
    await fleet.putQueue('default', { draining: true });
    expect(await queue()).toMatchObject({ draining: true, drainTotal: 2, running: 1, queued: 1 });
    await store.finish([failed(there(running), { state: 'queued', runAt: null })]);
    expect((await reader.byId(first, me))?.state).toBe('queued');
    const [one, two] = await worker.claim(2);
    await store.finish([succeeded(there(one))]);
    // Said again, it goes on counting from where it began.
    await fleet.putQueue('default', { draining: true, note: 'moving house' });
    expect(await queue()).toMatchObject({ drainTotal: 2, running: 1, queued: 0, note: 'moving house' });
    await store.finish([succeeded(there(two))]);
    expect(await queue()).toMatchObject({ draining: true, drainTotal: 2, running: 0 });
    await fleet.putQueue('default', { draining: false });
    expect(await queue()).toMatchObject({ draining: false, drainTotal: null });
  });

  it('takes no job back by a retry, and none from another queue', async () => {
    const ended = await submitOne(store);
    const [job] = await (await joinWorker(database.db)).claim(1);
    await store.finish([failed(there(job))]);
    const elsewhere = await submitOne(store, { queue: 'other' });
    const own = await submitOne(store);
    await fleet.putQueue('default', { draining: true });
    expect(await store.retry(ended, 'ana')).toBe('queue_draining');
    expect((await reader.byId(ended, me))?.state).toBe('failed');
    expect(await store.retry(own, 'ana')).toBeNull();
    expect(await store.change(elsewhere, { queue: 'default', priority: 7 }, 'ana')).toEqual({
      status: 'queue_draining',
    });
    expect(await reader.byId(elsewhere, me)).toMatchObject({ queue: 'other', priority: 0 });
    expect(await store.change(own, { priority: 5 }, 'ana')).toMatchObject({ status: 'changed' });
    expect(await store.change(own, { queue: 'other' }, 'ana')).toMatchObject({ status: 'changed' });
    expect(await queue()).toMatchObject({ drainTotal: 1, queued: 0 });
  });

  describe('that begins to while somebody else is under way', () => {
    /** Holds up what stores this key, after it has looked at its queue, until it is let go. */
    const holdUp = async (key: string): Promise<() => Promise<void>> => {
      const { promise: isHeld, resolve: tellHeld } = Promise.withResolvers<void>();
      const { promise: letGo, resolve } = Promise.withResolvers<void>();
      const held = database.db.transaction(async (tx) => {
        await tx.query(
          `insert into idempotency_keys (scope, key, body_hash, job_uid) values ('ana', $1, 'aa', $2)`,
          [key, randomUUID()],
        );
        tellHeld();
        await letGo;
        throw new Error('never meant to stay');
      });
      held.catch(() => undefined);
      await isHeld;
      return async () => {
        resolve();
        await held.catch(() => undefined);
      };
    };
    const untilWaiting = (count: number): Promise<unknown> =>
      pollUntil(
        () =>
          database.db.query<{ count: number }>(
            `select count(*) from pg_locks l join pg_stat_activity a using (pid) where a.datname = current_database() and not l.granted`,
          ),
        ([row]) => row?.count === count,
      );
    const isSettled = async (promise: Promise<unknown>): Promise<boolean> => {
      const open = Symbol('open');
      return (await Promise.race([promise, Promise.resolve(open)])) !== open;
    };

    it('is answered after a submit that had looked before is stored, and counts it', async () => {
      await submitOne(store);
      const letGo = await holdUp('slow');
      const slow = store.submit([newJob({ idempotency: { scope: 'ana', key: 'slow', bodyHash: 'aa' } })]);
      await untilWaiting(1);
      const drained = fleet.putQueue('default', { draining: true });
      await untilWaiting(2);
      expect(await isSettled(drained)).toBe(false);
      // Who comes now waits for nothing but its refusal.
      const late = store.submit([newJob(), newJob({ queue: 'other' })]);
      await letGo();
      expect(await slow).toMatchObject([{ status: 'stored' }]);
      await drained;
      expect(await late).toMatchObject([{ status: 'queue_draining' }, { status: 'stored' }]);
      expect(await queue()).toMatchObject({ draining: true, drainTotal: 2, queued: 2 });
    });

    const forms: [name: string, form: Partial<NewJob>][] = [
      ['a submit', {}],
      ['one with a key', { idempotency: { scope: 'ana', key: 'held', bodyHash: 'aa' } }],
      ['one that waits for its time', { state: 'scheduled', runAt: '2999-01-01T00:00:00.000Z' }],
      ['one with a lane of its own', { lanes: ['key:a'], ownLane: 'key:a' }],
    ];

    it.each(forms)('is answered after %s that is about to commit, and counts it', async (_name, form) => {
      await submitOne(store);
      const { db, isDone, letGo } = holdBeforeCommit(database.db);
      const slow = createJobStore(db).submit([newJob(form)]);
      await isDone;
      const drained = fleet.putQueue('default', { draining: true });
      await untilWaiting(1);
      letGo();
      expect(await slow).toMatchObject([{ status: 'stored' }]);
      await drained;
      expect(await queue()).toMatchObject({ drainTotal: 2 });
      expect(await store.submit([newJob({ ...form, idempotency: null })])).toEqual([
        { status: 'queue_draining' },
      ]);
    });

    it.each(['retry', 'move'])(
      'is answered after a %s that is about to commit, and counts it',
      async (way) => {
        const id = await submitOne(store, { queue: way === 'move' ? 'other' : 'default' });
        if (way === 'retry') await store.cancel([id], 'ana');
        const { db, isDone, letGo } = holdBeforeCommit(database.db);
        const late = createJobStore(db);
        const move = way === 'retry' ? late.retry(id, 'ana') : late.change(id, { queue: 'default' }, 'ana');
        await isDone;
        const drained = fleet.putQueue('default', { draining: true });
        await untilWaiting(1);
        letGo();
        expect(await move).toMatchObject(way === 'retry' ? { state: 'queued' } : { status: 'changed' });
        await drained;
        expect(await queue()).toMatchObject({ drainTotal: 1, queued: 1 });
      },
    );

    it('takes nothing after it was answered, whatever is under way', async () => {
      const ended = await submitOne(store);
      const [job] = await (await joinWorker(database.db)).claim(1);
      await store.finish([failed(there(job))]);
      for (let round = 0; round < 10; round += 1) {
        await fleet.putQueue('default', { draining: false });
        const elsewhere = await submitOne(store, { queue: 'other' });
        const isDrained = { value: false };
        const storm = Array.from({ length: 6 }, async () => {
          while (!isDrained.value) await store.submit([newJob(), newJob()]);
        });
        const moves = [store.retry(ended, 'ana'), store.change(elsewhere, { queue: 'default' }, 'ana')];
        await fleet.putQueue('default', { draining: true });
        const atAnswer = there(await queue());
        isDrained.value = true;
        await Promise.all([...storm, ...moves]);
        const after = there(await queue());
        expect(after.queued).toBe(atAnswer.queued);
        expect(after.drainTotal).toBe(after.queued);
        await store.cancel([ended, elsewhere], 'ana');
      }
    });
  });
});
