import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { systemActor } from '../../src/contract/actor.ts';
import type { ClaimedJob, JobStore } from '../../src/domain/jobs/ports.ts';
import type { JobReader } from '../../src/domain/jobs/reader-ports.ts';
import type { WorkerStore } from '../../src/domain/fleet/ports.ts';
import { createCapsuleStore } from '../../src/adapters/store/capsule-store.ts';
import { diagnoseFleet } from '../../src/adapters/store/diagnosis-reader.ts';
import { createFleetStore } from '../../src/adapters/store/fleet/fleet-store.ts';
import { createJobReader } from '../../src/adapters/store/job-reader.ts';
import { createWorkerStore } from '../../src/adapters/store/fleet/worker-store.ts';
import { createJobStore } from '../../src/adapters/store/job-store.ts';
import type { TestDatabase } from '../support/database.ts';
import { describeOnDatabases } from '../support/describe-on-databases.ts';
import { pollUntil } from '../support/poll.ts';
import { capsuleOf, failed, joinWorker, newJob, startOf, submitOne, succeeded } from '../support/jobs.ts';

const me = systemActor('test');

describeOnDatabases('the job store', (create) => {
  let database: TestDatabase;
  let store: JobStore;
  let workers: WorkerStore;
  let reader: JobReader;

  beforeAll(async () => {
    database = await create();
    store = createJobStore(database.db);
    workers = createWorkerStore(database.db);
    reader = createJobReader(database.db);
  });

  afterAll(() => database?.drop());

  beforeEach(() => database.empty());

  const stateOf = async (id: number): Promise<string | undefined> => (await reader.byId(id, me))?.state;
  const eventsOf = async (id: number): Promise<string[]> =>
    (await reader.events(id, 0, 100, me)).map((event) => event.name);

  describe('submit', () => {
    it('numbers jobs in the order they were handed in and keeps the input to the letter', async () => {
      const input = { z: 1, a: { '10': 'x', b: '"\\ü' } };
      const outcomes = await store.submit([newJob({ name: 'first', input }), newJob({ name: 'second' })]);
      const ids = outcomes.map((outcome) => (outcome.status === 'stored' ? outcome.id : 0));
      expect(ids[1]).toBe((ids[0] ?? 0) + 1);
      const job = await reader.byId(ids[0] ?? 0, me);
      expect(job).toMatchObject({ name: 'first', state: 'queued', owner: 'ana', attempt: 0 });
      expect(JSON.stringify(job?.input)).toBe(JSON.stringify(input));
      expect(await eventsOf(ids[0] ?? 0)).toEqual(['submitted']);
    });

    it('merges equal idempotency keys of one batch and refuses the same key with another body', async () => {
      const key = (bodyHash: string): object => ({ idempotency: { scope: 'ana', key: 'k', bodyHash } });
      const outcomes = await store.submit([newJob(key('aa')), newJob(key('aa')), newJob(key('bb'))]);
      expect(outcomes.map(({ status }) => status)).toEqual(['stored', 'stored', 'key_conflict']);
      expect(outcomes[1]).toMatchObject({
        isNew: false,
        id: outcomes[0]?.status === 'stored' ? outcomes[0].id : 0,
      });
      expect((await store.submit([newJob(key('aa'))]))[0]).toMatchObject({ status: 'stored', isNew: false });
      expect(await reader.count({}, me)).toBe(1);
    });

    it('stores one job when the same key comes in forty submits at once', async () => {
      const submits = Array.from({ length: 40 }, () =>
        store.submit([newJob({ idempotency: { scope: 'ana', key: 'burst', bodyHash: 'aa' } })]),
      );
      const outcomes = (await Promise.all(submits)).flat();
      expect(new Set(outcomes.map((outcome) => (outcome.status === 'stored' ? outcome.id : -1))).size).toBe(
        1,
      );
      expect(outcomes.filter((outcome) => outcome.status === 'stored' && outcome.isNew)).toHaveLength(1);
      expect(await reader.count({}, me)).toBe(1);
    });

    it('stores the neighbours of a row that the database refuses', async () => {
      const outcomes = await store.submit([
        newJob({ name: 'left' }),
        newJob({ uid: 'no uuid' }),
        newJob({ queue: 'nowhere' }),
        newJob({ name: 'right' }),
      ]);
      expect(outcomes.map(({ status }) => status)).toEqual(['stored', 'refused', 'unknown_queue', 'stored']);
      const { items } = await reader.list({ limit: 10, order: 'oldest' }, me);
      expect(items.map((item) => item.name)).toEqual(['left', 'right']);
    });
  });

  describe('claim', () => {
    it('takes higher priority first, then the older', async () => {
      const low = await submitOne(store, { priority: -1 });
      const first = await submitOne(store);
      const second = await submitOne(store);
      const high = await submitOne(store, { priority: 5 });
      const worker = await joinWorker(database.db);
      expect((await worker.claim(3)).map(({ jobId }) => jobId)).toEqual([high, first, second]);
      expect((await worker.claim()).map(({ jobId }) => jobId)).toEqual([low]);
      expect(await eventsOf(high)).toEqual(['submitted', 'claimed']);
    });

    it('tells the account whose job it is, also whoever takes the attempt up again', async () => {
      await store.submit([newJob({ ownerId: 7 }), newJob()]);
      const worker = await joinWorker(database.db);
      const owners = (await worker.claim()).map(({ owner, ownerId }) => ({ owner, ownerId }));
      expect(owners).toEqual([
        { owner: 'ana', ownerId: 7 },
        { owner: 'ana', ownerId: null },
      ]);
      const { running } = await workers.register(worker.row);
      expect(running.map(({ job: { owner, ownerId } }) => ({ owner, ownerId }))).toEqual(owners);
    });

    it('gives every job to exactly one of many claimers', async () => {
      await store.submit(Array.from({ length: 200 }, () => newJob()));
      const workers = await Promise.all(Array.from({ length: 8 }, () => joinWorker(database.db)));
      const taken: number[] = [];
      const drain = async (claim: () => Promise<ClaimedJob[]>): Promise<void> => {
        for (let jobs = await claim(); jobs.length > 0; jobs = await claim())
          taken.push(...jobs.map((j) => j.jobId));
      };
      await Promise.all(workers.map(({ claim }) => drain(() => claim(7))));
      expect(taken.sort((a, b) => a - b)).toEqual(Array.from({ length: 200 }, (_, index) => index + 1));
    });

    it('leaves alone what another queue, kind or label holds, and what a paused queue holds', async () => {
      await database.db.query(`insert into queues (name) values ('other')`);
      await submitOne(store, { queue: 'other' });
      await submitOne(store, { kind: 'url' });
      const labelled = await submitOne(store, { needs: ['gpu'] });
      const worker = await joinWorker(database.db);
      expect(await worker.claim()).toEqual([]);
      const offering = await joinWorker(database.db, { labels: ['big', 'gpu'] });
      await createFleetStore(database.db).putQueue('default', { paused: true });
      expect(await offering.claim()).toEqual([]);
      await createFleetStore(database.db).putQueue('default', { paused: false });
      expect((await offering.claim()).map(({ jobId }) => jobId)).toEqual([labelled]);
    });

    it('never runs more jobs of a lane than it has places, however many claim at once', async () => {
      await createFleetStore(database.db).putLane('licence:x', { capacity: 3 });
      await store.submit(Array.from({ length: 30 }, () => newJob({ lanes: ['licence:x', 'user:ana'] })));
      const workers = await Promise.all(Array.from({ length: 6 }, () => joinWorker(database.db)));
      const claimed = (await Promise.all(workers.map(({ claim }) => claim(10)))).flat();
      expect(claimed.length).toBeLessThanOrEqual(3);
      for (let running = claimed; running.length > 0;) {
        await store.finish(running.map((job) => succeeded(job)));
        await store.sweep(100);
        running = (await Promise.all(workers.map(({ claim }) => claim(10)))).flat();
        expect(running.length).toBeLessThanOrEqual(3);
        // A job that another lane's crowd kept back comes with the next sweep.
        if (running.length === 0) {
          await store.sweep(100);
          running = (await Promise.all(workers.map(({ claim }) => claim(10)))).flat();
        }
      }
      const lanes = await createFleetStore(database.db).lanes(me);
      expect(lanes).toMatchObject([{ key: 'licence:x', taken: 0, waiting: 0 }]);
      expect(await reader.count({ states: ['succeeded'] }, me)).toBe(30);
    });

    it('says which lane holds a job back, and lets it go when the lane is removed', async () => {
      const fleet = createFleetStore(database.db);
      await fleet.putLane('licence:x', { capacity: 0 });
      const id = await submitOne(store, { lanes: ['licence:x'] });
      const worker = await joinWorker(database.db);
      expect(await worker.claim()).toEqual([]);
      expect(await reader.byId(id, me)).toMatchObject({ state: 'waiting', blockedBy: 'licence:x' });
      await fleet.removeLane('licence:x');
      expect(await store.sweep(10)).toEqual([{ queue: 'default', needs: [] }]);
      expect((await worker.claim()).map(({ jobId }) => jobId)).toEqual([id]);
    });

    it('counts attempts that already run when a lane is made', async () => {
      await store.submit([newJob({ lanes: ['user:ana'] }), newJob({ lanes: ['user:ana'] })]);
      const worker = await joinWorker(database.db);
      const [first] = await worker.claim(1);
      await createFleetStore(database.db).putLane('user:ana', { capacity: 1 });
      expect(await worker.claim(1)).toEqual([]);
      if (first) await store.finish([succeeded(first)]);
      await store.sweep(10);
      expect(await worker.claim(1)).toHaveLength(1);
    });
  });

  describe('kept in order', () => {
    it('a limit whose places were counted wrong is counted anew, and told', async () => {
      await createFleetStore(database.db).putLane('licence:x', { capacity: 3 });
      await createFleetStore(database.db).putLane('licence:y', { capacity: 3 });
      await store.submit([newJob({ lanes: ['licence:x'] }), newJob({ lanes: ['licence:x', 'licence:y'] })]);
      await (await joinWorker(database.db)).claim();
      expect(await store.keepInOrder()).toEqual({ lanes: [] });
      await database.db.query(`update lanes set taken = 3 where key = 'licence:x'`);
      expect(await store.keepInOrder()).toEqual({ lanes: [{ key: 'licence:x', taken: 3, held: 2 }] });
      expect(await store.keepInOrder()).toEqual({ lanes: [] });
    });

    it('a job that stands nowhere, or twice, is named', async () => {
      const [lost, twice, whole] = [await submitOne(store), await submitOne(store), await submitOne(store)];
      expect((await diagnoseFleet(database.db, 30)).misplaced).toEqual([]);
      await database.db.query('delete from queued where job_id = $1', [lost]);
      await database.db.query(
        `insert into ends (job_id, submitted_at, owner, state, attempt, ended_at) values ($1, now(), 'ana', 'cancelled', 0, now())`,
        [twice],
      );
      expect((await diagnoseFleet(database.db, 30)).misplaced).toEqual([lost, twice]);
      expect(await reader.byId(whole, me)).toMatchObject({ state: 'queued' });
    });

    it('rows whose job is gone are named, by where they say that it stands', async () => {
      const whole = await submitOne(store);
      expect((await diagnoseFleet(database.db, 30)).strays).toEqual([]);
      await database.db.query(
        `insert into queued (job_id, priority, state, kind, lanes, owner, place)
         select 900000 + n, 0, 'queued', 'none', '{}', 'ana', 1 from generate_series(1, 7) n`,
      );
      await database.db.query(
        `insert into running (job_id, number, token, runs_by, kind, owner, submitted_at)
         values (900010, 1, gen_random_uuid(), 'external', 'none', 'ana', now())`,
      );
      await database.db.query(
        `insert into ends (job_id, submitted_at, owner, state, attempt, ended_at) values (900020, now(), 'ana', 'cancelled', 0, now())`,
      );
      const { strays, misplaced } = await diagnoseFleet(database.db, 30);
      expect(strays).toEqual([
        { table: 'ends', rows: 1, jobs: [900_020] },
        { table: 'queued', rows: 7, jobs: [900_001, 900_002, 900_003, 900_004, 900_005] },
        { table: 'running', rows: 1, jobs: [900_010] },
      ]);
      expect(misplaced).toEqual([]);
      expect(await reader.byId(whole, me)).toMatchObject({ state: 'queued' });
    });

    it('the tables of what lives stay small, however much goes through them', async () => {
      const pages = async (): Promise<number> => {
        const [row] = await database.db.query<{ pages: number }>(
          `select (pg_relation_size('queued') + pg_relation_size('running')) / 8192 as pages`,
        );
        return row?.pages ?? 0;
      };
      const deleted = async (): Promise<number> => {
        const [row] = await database.db.query<{ rows: number }>(
          `select n_tup_del as rows from pg_stat_user_tables where relname = 'queued'`,
        );
        return row?.rows ?? 0;
      };
      const pass = async (): Promise<void> => {
        const before = await deleted();
        await database.db.query(
          `insert into queued (job_id, priority, state, kind, lanes, owner, place)
           select -n, 0, 'queued', 'none', '{}', 'ana', 1 from generate_series(1, 25000) n`,
        );
        await database.db.query('delete from queued where job_id < 0');
        // The database counts with some delay.
        await vi.waitFor(async () => expect(await deleted()).toBeGreaterThanOrEqual(before + 25_000), {
          timeout: 20_000,
          interval: 200,
        });
        await store.keepInOrder();
      };
      await pass();
      const once = await pages();
      for (let round = 0; round < 3; round += 1) await pass();
      expect(await pages()).toBeLessThan(2 * once);
    });
  });

  describe('starts', () => {
    const read = (id: number) => createCapsuleStore(database.db).read(id, null, me);

    it('are recorded with what was started, of attempts that run', async () => {
      const [id, other] = [await submitOne(store), await submitOne(store)];
      const worker = await joinWorker(database.db);
      const [job, over] = await worker.claim();
      if (!job || !over) throw new Error('two jobs were submitted');
      await store.finish([succeeded(over)]);
      const started = [startOf(over), startOf(job), { ...startOf(job), token: randomUUID() }];
      expect(await store.recordStarts(started.slice(0, 2))).toEqual([false, true]);
      expect(await store.recordStarts(started.slice(2))).toEqual([false]);
      expect(await reader.attempts(id, me)).toMatchObject([{ launchedAt: '2026-05-04T03:02:01.000Z' }]);
      expect(await read(id)).toMatchObject({ argv: ['./a.sh'], script: { text: 'echo a', changed: false } });
      expect(await read(other)).toBeNull();
      await store.finish([{ ...succeeded(job), capsule: { ...capsuleOf(job), argv: ['told twice'] } }]);
      expect(await read(id)).toMatchObject({ argv: ['./a.sh'] });
    });

    it('come with the end of what ended sooner, also of an attempt that somebody else ended', async () => {
      const [id, lost] = [await submitOne(store), await submitOne(store)];
      const worker = await joinWorker(database.db);
      const jobs = await worker.claim();
      const [job, late] = jobs;
      if (!job || !late) throw new Error('two jobs were submitted');
      await store.finish([failed(late)]);
      const endedAt = new Date(Date.now() + 1_000).toISOString();
      const ends = jobs.map((one) => ({ ...succeeded(one, { endedAt }), capsule: capsuleOf(one) }));
      expect((await store.finish(ends)).map(({ status }) => status)).toEqual(['applied', 'stale']);
      expect(await read(id)).toMatchObject({ argv: ['./a.sh'] });
      expect(await read(lost)).toMatchObject({ argv: ['./a.sh'] });
    });

    it('and ends of the same attempts, in any order, never wait on each other in a circle', async () => {
      const worker = await joinWorker(database.db);
      for (let round = 0; round < 20; round += 1) {
        await store.submit(Array.from({ length: 20 }, () => newJob()));
        const jobs = await worker.claim(20);
        const [, , answers] = await Promise.all([
          store.recordStarts(jobs.map(startOf)),
          store.recordStarts(jobs.toReversed().map(startOf)),
          store.finish(jobs.toReversed().map((job) => ({ ...succeeded(job), capsule: capsuleOf(job) }))),
        ]);
        expect(answers.map(({ status }) => status)).toEqual(jobs.map(() => 'applied'));
      }
      const capsules = await database.db.query('select from capsules');
      expect(capsules).toHaveLength(400);
    });
  });

  describe('finish and claim', () => {
    it('ends attempts and takes the next jobs, best first, with all that a claim brings', async () => {
      await store.submit([newJob(), newJob({ name: 'first', priority: 5 }), newJob({ name: 'second' })]);
      const worker = await joinWorker(database.db);
      const [top, ...rest] = await worker.claim(2);
      if (!top) throw new Error('nothing was claimed');
      const { finished, claimed } = await store.finishAndClaim([succeeded(top)], worker.request(5));
      expect(finished).toMatchObject([{ jobId: top.jobId, status: 'applied', state: 'succeeded' }]);
      expect(claimed.map(({ name }) => name)).toEqual(['second']);
      expect(Object.keys(claimed[0] ?? {}).toSorted()).toEqual(Object.keys(top).toSorted());
      expect(claimed[0]).toMatchObject({
        number: 1,
        tries: 1,
        input: top.input,
        retry: top.retry,
        isLimited: false,
      });
      expect(claimed[0]?.claimedAt).toBeInstanceOf(Date);
      const again = await store.finishAndClaim(
        [succeeded(top), ...rest.map((job) => succeeded(job))],
        worker.request(),
      );
      expect(again).toMatchObject({ finished: [{ status: 'stale' }, { status: 'applied' }], claimed: [] });
    });

    it('claims nothing when an end frees a place in a limit, so that who waited for it is not passed over', async () => {
      await createFleetStore(database.db).putLane('licence:x', { capacity: 1 });
      await store.submit([
        newJob({ lanes: ['licence:x'] }),
        newJob({ lanes: ['licence:x'], priority: 9 }),
        newJob(),
      ]);
      const worker = await joinWorker(database.db);
      const [holder] = await worker.claim(2);
      if (!holder) throw new Error('nothing was claimed');
      const { finished, claimed } = await store.finishAndClaim([succeeded(holder)], worker.request());
      expect(finished).toMatchObject([{ status: 'applied', freedLanes: ['licence:x'] }]);
      expect(claimed).toEqual([]);
      await store.sweep(10);
      expect((await worker.claim()).map(({ jobId }) => jobId)).toHaveLength(2);
      expect(await createFleetStore(database.db).lanes(me)).toMatchObject([{ key: 'licence:x', taken: 1 }]);
    });

    it('stores the end without what the database refuses of it, and claims nothing then', async () => {
      const id = await submitOne(store);
      await submitOne(store);
      const worker = await joinWorker(database.db);
      const [job] = await worker.claim(1);
      if (!job) throw new Error('nothing was claimed');
      const { finished, claimed } = await store.finishAndClaim(
        [succeeded(job, { result: { text: 'a\0b' }, verdict: { text: 'a\0b', tone: 'good' } })],
        worker.request(),
      );
      expect(finished).toMatchObject([{ status: 'applied' }]);
      expect(claimed).toEqual([]);
      expect(await reader.byId(id, me)).toMatchObject({ state: 'succeeded' });
      expect(await worker.claim()).toHaveLength(1);
    });
  });

  describe('finish', () => {
    it('records the outcome and ends the job', async () => {
      const id = await submitOne(store);
      const worker = await joinWorker(database.db);
      const [job] = await worker.claim();
      if (!job) throw new Error('nothing was claimed');
      const outcome = {
        cpuMs: 12,
        stdoutBytes: 5,
        result: { answer: 42 },
        verdict: { text: 'fine', tone: 'good' as const },
      };
      expect(await store.finish([succeeded(job, outcome)])).toMatchObject([
        { status: 'applied', state: 'succeeded' },
      ]);
      expect(await reader.byId(id, me)).toMatchObject({
        state: 'succeeded',
        result: { answer: 42 },
        verdict: outcome.verdict,
      });
      expect(await reader.attempts(id, me)).toMatchObject([
        { state: 'succeeded', exitCode: 0, retcode: 0, cpuMs: 12 },
      ]);
    });

    it('a late result of attempt 1 never completes attempt 2', async () => {
      const id = await submitOne(store);
      const worker = await joinWorker(database.db);
      const [first] = await worker.claim();
      if (!first) throw new Error('nothing was claimed');
      await store.finish([failed(first, { state: 'queued', runAt: null })]);
      const [second] = await worker.claim();
      expect(second?.number).toBe(2);
      const late = { ...succeeded(first), outcome: { ...succeeded(first).outcome, message: 'too late' } };
      expect(await store.finish([late])).toMatchObject([{ status: 'stale', state: null }]);
      expect(await reader.byId(id, me)).toMatchObject({ state: 'running', attempt: 2 });
      const [one, two] = await reader.attempts(id, me);
      expect(one).toMatchObject({ state: 'failed', lateResults: [{ outcome: { message: 'too late' } }] });
      expect(two).toMatchObject({ state: 'running', lateResults: [] });
      expect(await eventsOf(id)).toContain('late result');
    });

    it('takes the same end twice for one, as after a lost answer', async () => {
      const id = await submitOne(store);
      const worker = await joinWorker(database.db);
      const [job] = await worker.claim();
      if (!job) throw new Error('nothing was claimed');
      const end = succeeded(job);
      await store.finish([end]);
      await store.finish([end]);
      expect((await reader.attempts(id, me))[0]?.lateResults).toEqual([]);
      expect(await eventsOf(id)).toEqual(['submitted', 'claimed', 'succeeded']);
    });

    it('ends an attempt whose report the database refuses, without the report, and its neighbours as well', async () => {
      await store.submit([newJob(), newJob(), newJob()]);
      const worker = await joinWorker(database.db);
      const [first, odd, last] = await worker.claim();
      if (!first || !odd || !last) throw new Error('three jobs were submitted');
      const answers = await store.finish([
        succeeded(first, { result: { fine: true } }),
        succeeded(odd, { program: { args: ['a\0b'] } }),
        succeeded(last),
      ]);
      expect(answers.map(({ state }) => state)).toEqual(['succeeded', 'succeeded', 'succeeded']);
      expect((await reader.byId(first.jobId, me))?.result).toEqual({ fine: true });
      expect((await reader.attempts(odd.jobId, me))[0]?.message).toContain('could not be kept');
    });

    it('lets one of two racing enders win', async () => {
      const ids = await Promise.all(Array.from({ length: 20 }, () => submitOne(store)));
      const worker = await joinWorker(database.db);
      const jobs = await worker.claim(20);
      const one = jobs.map((job) => succeeded(job));
      // Another moment: one and the same would be taken for the same end, told twice.
      const endedAt = new Date(Date.now() + 1_000).toISOString();
      const other = [...jobs].reverse().map((job) => {
        const end = failed(job);
        return { ...end, outcome: { ...end.outcome, endedAt } };
      });
      const answers = (await Promise.all([store.finish(one), store.finish(other)])).flat();
      expect(answers.filter(({ status }) => status === 'applied')).toHaveLength(ids.length);
      for (const id of ids) {
        const attempts = await reader.attempts(id, me);
        expect(attempts.map((attempt) => attempt.lateResults.length)).toEqual([1]);
      }
    });

    it('a cancel that came first wins over a retry', async () => {
      const id = await submitOne(store);
      const worker = await joinWorker(database.db);
      const [job] = await worker.claim();
      if (!job) throw new Error('nothing was claimed');
      expect(await store.cancel([id], 'ana')).toEqual([{ id, state: 'running', workerId: worker.row.id }]);
      await store.finish([failed(job, { state: 'scheduled', runAt: new Date().toISOString() })]);
      expect(await stateOf(id)).toBe('cancelled');
      expect((await reader.byId(id, me))?.endedAt).not.toBeNull();
    });

    it('does not count an attempt that was taken back before its first instruction', async () => {
      const id = await submitOne(store);
      const worker = await joinWorker(database.db);
      const [job] = await worker.claim();
      if (!job) throw new Error('nothing was claimed');
      const end = succeeded(job);
      await store.finish([
        { ...end, outcome: { ...end.outcome, state: 'released' }, next: { state: 'queued', runAt: null } },
      ]);
      const [again] = await worker.claim();
      expect(again).toMatchObject({ jobId: id, number: 2, tries: 1 });
    });
  });

  describe('cancel, retry, change, remove', () => {
    it('cancels at once what waits, and leaves alone what has ended', async () => {
      const queued = await submitOne(store);
      const scheduled = await submitOne(store, {
        state: 'scheduled',
        runAt: new Date(Date.now() + 60_000).toISOString(),
      });
      expect(await store.cancel([queued, scheduled], 'ana')).toMatchObject([
        { state: 'cancelled' },
        { state: 'cancelled' },
      ]);
      expect(await store.cancel([queued], 'ana')).toEqual([]);
      expect(await eventsOf(queued)).toEqual(['submitted', 'cancelled']);
      expect(await (await joinWorker(database.db)).claim()).toEqual([]);
    });

    it('retries a cancelled job, and no succeeded one', async () => {
      const id = await submitOne(store);
      await store.cancel([id], 'ana');
      expect(await store.retry(id, 'ana')).toEqual({
        state: 'queued',
        place: { queue: 'default', needs: [] },
      });
      const worker = await joinWorker(database.db);
      const [job] = await worker.claim();
      if (!job) throw new Error('nothing was claimed');
      await store.finish([succeeded(job)]);
      expect(await store.retry(id, 'ana')).toBeNull();
      expect(await stateOf(id)).toBe('succeeded');
    });

    it('moves a waiting job to another queue, and no running one', async () => {
      await database.db.query(`insert into queues (name) values ('other')`);
      const id = await submitOne(store);
      expect(await store.change(id, { queue: 'other', priority: 7 }, 'ana')).toEqual({
        status: 'changed',
        place: { queue: 'other', needs: [] },
      });
      expect(await store.change(id, { queue: 'nowhere' }, 'ana')).toEqual({ status: 'unknown_queue' });
      const worker = await joinWorker(database.db, { queues: ['other'] });
      expect(await worker.claim()).toHaveLength(1);
      expect(await store.change(id, { priority: 9 }, 'ana')).toEqual({ status: 'refused' });
      expect(await store.change(id, { tags: ['a'], keep: true }, 'ana')).toMatchObject({ status: 'changed' });
      expect(await reader.byId(id, me)).toMatchObject({ priority: 7, queue: 'other', tags: ['a'] });
    });

    it('is claimed from any queue by a worker of all of them, also from one that is made later', async () => {
      const worker = await joinWorker(database.db, { queues: ['*'] });
      await database.db.query(`insert into queues (name) values ('night')`);
      const ids = [await submitOne(store, { queue: 'night' }), await submitOne(store)];
      expect((await worker.claim()).map(({ jobId }) => jobId)).toEqual(ids);
    });

    it('removes an ended job, and no running one', async () => {
      const id = await submitOne(store);
      expect(await store.remove(id)).toBe(false);
      await store.cancel([id], 'ana');
      expect(await store.remove(id)).toBe(true);
      expect(await reader.byId(id, me)).toBeNull();
    });

    it('removes what a job left behind with it, and nothing of its neighbour', async () => {
      const [id, other] = [await submitOne(store), await submitOne(store)];
      const worker = await joinWorker(database.db);
      const jobs = await worker.claim();
      await store.finish(jobs.map((job) => ({ ...succeeded(job), capsule: capsuleOf(job) })));
      expect(await store.remove(id)).toBe(true);
      for (const table of ['attempts', 'capsules', 'events', 'job_inputs']) {
        const left = await database.db.query(`select distinct job_id as id from ${table}`);
        expect(left, table).toEqual([{ id: other }]);
      }
    });
  });

  describe('sweep', () => {
    it('brings due jobs to their queue, not the others', async () => {
      const due = await submitOne(store, {
        state: 'scheduled',
        runAt: new Date(Date.now() - 1000).toISOString(),
      });
      const later = await submitOne(store, {
        state: 'scheduled',
        runAt: new Date(Date.now() + 60_000).toISOString(),
      });
      expect(await store.sweep(10)).toEqual([{ queue: 'default', needs: [] }]);
      expect([await stateOf(due), await stateOf(later)]).toEqual(['queued', 'scheduled']);
    });

    it('makes a retry due that a clock which was ahead put days away, and no other', async () => {
      const day = 86_400_000;
      const at = (ms: number): string => new Date(Date.now() + ms).toISOString();
      const named = await submitOne(store, { state: 'scheduled', runAt: at(3 * day) });
      const [early, late] = [await submitOne(store), await submitOne(store)];
      const worker = await joinWorker(database.db);
      for (const job of await worker.claim(2)) {
        const runAt = job.jobId === early ? at(3 * day) : at(60_000);
        await store.finish([failed(job, { state: 'scheduled', runAt })]);
      }
      expect(await store.bringBackRetries()).toBe(1);
      await store.sweep(10);
      expect([await stateOf(named), await stateOf(early), await stateOf(late)]).toEqual([
        'scheduled',
        'queued',
        'scheduled',
      ]);
    });
  });

  describe('workers', () => {
    it('hands a new incarnation what the last one owned, and tells the last one that it is over', async () => {
      const id = await submitOne(store);
      const worker = await joinWorker(database.db);
      await worker.claim();
      const { incarnation, running } = await workers.register(worker.row);
      expect(incarnation).toBe(worker.incarnation + 1);
      expect(running).toMatchObject([{ jobId: id, number: 1, job: { input: { script: 'a.sh' } } }]);
      expect(await workers.beat(worker.row.id, worker.incarnation)).toMatchObject({
        status: 'expired',
        owned: [],
      });
      expect(await workers.beat(worker.row.id, incarnation)).toMatchObject({
        status: 'alive',
        owned: [{ jobId: id }],
      });
    });

    it('and a new lane never wait in a circle on ends that come meanwhile', async () => {
      const fleet = createFleetStore(database.db);
      const worker = await joinWorker(database.db);
      for (let round = 0; round < 20; round += 1) {
        // Claimed from the last to the first, so that their rows lie in that order.
        for (let place = 0; place < 30; place += 1)
          await store.submit([newJob({ priority: place, lanes: [`lane ${round}`] })]);
        const jobs = await worker.claim(30);
        await Promise.all([
          workers.register(worker.row),
          fleet.putLane(`lane ${round}`, { capacity: 5 }),
          store.finish(jobs.map((job) => succeeded(job))),
        ]);
      }
      const left = await database.db.query('select from running');
      expect(left).toEqual([]);
    });

    it('gives up a worker only at the beat that was watched', async () => {
      await submitOne(store);
      const worker = await joinWorker(database.db);
      await worker.claim();
      const [watched] = await workers.watched();
      if (!watched) throw new Error('no worker is watched');
      await workers.beat(worker.row.id, worker.incarnation);
      expect(await workers.giveUp(watched)).toEqual([]);
      const [again] = await workers.watched();
      if (!again) throw new Error('no worker is watched');
      expect(await workers.giveUp(again)).toMatchObject([{ number: 1 }]);
      expect(await workers.beat(worker.row.id, worker.incarnation)).toMatchObject({ status: 'expired' });
    });

    it('watches a stopped worker for as long as it owns an attempt', async () => {
      await submitOne(store);
      const worker = await joinWorker(database.db);
      const [job] = await worker.claim();
      await workers.stop(worker.row.id, worker.incarnation);
      expect(await workers.watched()).toHaveLength(1);
      if (job) await store.finish([succeeded(job)]);
      expect(await workers.watched()).toEqual([]);
    });
  });

  describe('reading', () => {
    it('pages through all jobs once each, in both directions, though more come in between', async () => {
      await store.submit(Array.from({ length: 25 }, (_, index) => newJob({ name: String(index) })));
      const names: string[] = [];
      for (let cursor: string | null | undefined; cursor !== null;) {
        const page = await reader.list({ limit: 10, ...(cursor ? { cursor } : {}) }, me);
        names.push(...page.items.map((item) => item.name));
        cursor = page.cursor;
        await submitOne(store, { name: 'later' });
      }
      expect(names).toEqual(Array.from({ length: 25 }, (_, index) => String(24 - index)));
      const oldest = await reader.list({ limit: 3, order: 'oldest' }, me);
      expect(oldest.items.map((item) => item.name)).toEqual(['0', '1', '2']);
    });

    it('feeds every event once, in the order of commits', async () => {
      const { position } = await reader.feed(null, 10, me);
      const ids = await Promise.all(Array.from({ length: 10 }, () => submitOne(store)));
      const seen: number[] = [];
      let at = position;
      // It ends at the oldest transaction under way, also of others on the same server.
      const read = async (): Promise<number> => {
        const page = await reader.feed(at, 3, me);
        seen.push(...page.events.map((event) => event.jobId));
        at = page.position;
        return seen.length;
      };
      await pollUntil(read, (count) => count >= ids.length);
      expect(seen.sort((a, b) => a - b)).toEqual(ids.sort((a, b) => a - b));
      expect((await reader.feed(at, 3, me)).events).toEqual([]);
    });
  });
});
