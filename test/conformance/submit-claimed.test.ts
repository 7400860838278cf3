import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { createFleetStore } from '../../src/adapters/store/fleet/fleet-store.ts';
import { createJobReader } from '../../src/adapters/store/job-reader.ts';
import { createJobStore } from '../../src/adapters/store/job-store.ts';
import type { ClaimedJob, JobStore, NewJob } from '../../src/domain/jobs/ports.ts';
import type { TestDatabase } from '../support/database.ts';
import { describeOnDatabases } from '../support/describe-on-databases.ts';
import { joinWorker, newJob, submitOne, succeeded } from '../support/jobs.ts';

const me = { name: 'ana', accountId: null, role: 'member' } as const;

describeOnDatabases('a job that is claimed as it is submitted', (create) => {
  let database: TestDatabase;
  let store: JobStore;

  beforeAll(async () => {
    database = await create();
    store = createJobStore(database.db);
  });
  beforeEach(() => database.empty());
  afterAll(() => database?.drop());

  /** Place and key of a job like `newJob` are there, and gone is what made them so. */
  async function makePlace(): Promise<void> {
    const worker = await joinWorker(database.db);
    await submitOne(store);
    await store.finish((await worker.claim()).map((job) => succeeded(job)));
  }

  const keyed = (key: string): NewJob =>
    newJob({ idempotency: { scope: '#1', key, bodyHash: '00' }, tags: ['t'], input: { b: 1, a: [2] } });

  it('runs from its first moment, with all that a claim brings, and its key stands for it', async () => {
    await makePlace();
    const worker = await joinWorker(database.db);
    const job = keyed('k');
    const claimed = await store.submitClaimed(job, worker.request(1));
    if (!claimed) throw new Error('nothing stood in the way');
    const events = await createJobReader(database.db).events(claimed.jobId, 0, 10, me);
    expect(events.map(({ name, actor }) => [name, actor])).toEqual([
      ['submitted', 'ana'],
      ['claimed', 'worker:a worker'],
    ]);
    expect(await createJobReader(database.db).byId(claimed.jobId, me)).toMatchObject({
      state: 'running',
      attempt: 1,
      tags: ['t'],
      input: { b: 1, a: [2] },
      uid: job.uid,
    });
    const [like] = await claimAnother();
    expect(Object.keys(claimed).toSorted()).toEqual(Object.keys(like ?? {}).toSorted());
    expect(claimed).toMatchObject({ input: { b: 1, a: [2] }, tries: 1, number: 1, isLimited: false });
    expect(await store.submit([keyed('k')])).toMatchObject([{ id: claimed.jobId, isNew: false }]);
    expect(await store.submitClaimed(keyed('k'), worker.request(1))).toBeNull();
    expect(await store.finish([succeeded(claimed)])).toMatchObject([
      { status: 'applied', state: 'succeeded' },
    ]);
  });

  async function claimAnother(): Promise<ClaimedJob[]> {
    await submitOne(store);
    return (await joinWorker(database.db)).claim(1);
  }

  const obstacles: Record<string, () => Promise<Partial<NewJob> | void>> = {
    'a job that waits in its place': async () => void (await submitOne(store)),
    'a job that waits in another place of the worker': async () => {
      await database.db.query(`insert into queues (name) values ('other') on conflict do nothing`);
      await submitOne(store, { queue: 'other' });
    },
    'a queue that is paused': () => createFleetStore(database.db).putQueue('default', { paused: true }),
    'a queue that takes no new jobs': () =>
      createFleetStore(database.db).putQueue('default', { draining: true }),
    'a limit it counts in': async () => {
      await createFleetStore(database.db).putLane('licence:x', { capacity: 5 });
      return { lanes: ['licence:x'] };
    },
    'a worker that takes no work': async () =>
      void (await database.db.query('update workers set draining = true')),
    'a worker that counts as silent': async () =>
      void (await database.db.query(`update workers set state = 'silent'`)),
    'a next life of the worker': async () =>
      void (await database.db.query('update workers set incarnation = incarnation + 1')),
    'a place nobody has been to': async () => ({ needs: ['gpu'] }),
    'a kind that the worker does not know': async () => ({ kind: 'other' }),
  };

  it.each(Object.keys(obstacles))('is not stored, nor its key, because of %s', async (name) => {
    await makePlace();
    const worker = await joinWorker(database.db, { queues: ['*'], labels: ['gpu'] });
    const change = (await obstacles[name]?.()) ?? {};
    const before = await database.db.query('select count(*) from jobs');
    expect(await store.submitClaimed({ ...keyed('k'), ...change }, worker.request(1))).toBeNull();
    expect(await database.db.query('select count(*) from jobs')).toEqual(before);
    expect(await database.db.query('select from idempotency_keys')).toEqual([]);
    expect(await database.db.query('select from running')).toEqual([]);
  });

  it('passes nobody who was answered before, however many come and go meanwhile', async () => {
    await makePlace();
    const worker = await joinWorker(database.db);
    const answered = new Map<number, number>();
    const passes: { id: number; from: number; until: number }[] = [];
    const untilMs = Date.now() + 2_500;
    const going = (): boolean => Date.now() < untilMs;
    const submitters = [1, 2].map(async () => {
      while (going()) {
        answered.set(await submitOne(store), Date.now());
        // Nothing is awaited: a pace at which the queue is empty now and then.
        await delay(Math.random() * 12);
      }
    });
    const direct = [1, 2].map(async () => {
      for (let n = 0; going(); n += 1) {
        const from = Date.now();
        const key = `k${n % 20}`;
        const claimed = await store.submitClaimed(keyed(key), worker.request(1));
        if (!claimed) continue;
        passes.push({ id: claimed.jobId, from, until: Date.now() });
        await store.finish([succeeded(claimed)]);
      }
    });
    const claims = [1, 2].map(async () => {
      while (going()) {
        const jobs = await worker.claim(3);
        await delay(Math.random() * 4);
        if (jobs.length > 0) await store.finish(jobs.map((job) => succeeded(job)));
      }
    });
    await Promise.all([...submitters, ...direct, ...claims]);
    const rows = await database.db.query<{ id: number; at: Date }>(
      `select job_id as id, at from events where name = 'claimed'`,
    );
    const claimedMs = new Map(rows.map(({ id, at }) => [id, at.getTime()]));
    const passed = passes.filter(({ from, until }) =>
      [...answered].some(([id, at]) => at < from && (claimedMs.get(id) ?? Infinity) > until),
    );
    expect(passes.length).toBeGreaterThan(0);
    expect(passed).toEqual([]);
    expect(
      await database.db.query(
        'select key from idempotency_keys k where not exists (select from jobs j where j.uid = k.job_uid)',
      ),
    ).toEqual([]);
    expect(
      await database.db.query('select key from idempotency_keys group by key having count(*) > 1'),
    ).toEqual([]);
  });
});
