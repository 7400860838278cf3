import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { systemActor } from '../../src/contract/actor.ts';
import type { JobStore, NewJob } from '../../src/domain/jobs/ports.ts';
import type { JobReader } from '../../src/domain/jobs/reader-ports.ts';
import { createJobReader } from '../../src/adapters/store/job-reader.ts';
import { createJobStore } from '../../src/adapters/store/job-store.ts';
import type { TestDatabase } from '../support/database.ts';
import { describeOnDatabases } from '../support/describe-on-databases.ts';
import { failed, joinWorker, newJob, submitOne, succeeded } from '../support/jobs.ts';

const me = systemActor('test');
const all = { of: null, limit: 100 };

describeOnDatabases('jobs that run after others', (create) => {
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
  const submitAfter = (ids: number[], mustSucceed: boolean, change: Partial<NewJob> = {}): Promise<number> =>
    submitOne(store, { ...change, state: 'waiting', after: ids.map((jobId) => ({ jobId, mustSucceed })) });
  const runNext = async (end: typeof succeeded | typeof failed): Promise<boolean> => {
    const worker = await joinWorker(database.db);
    const [job] = await worker.claim(1);
    if (!job) throw new Error('there is a job to claim');
    const [finished] = await store.finish([end(job)]);
    return finished?.hasDependants ?? false;
  };

  it('are not claimed before all of them have ended, and then are', async () => {
    const first = await submitOne(store);
    const second = await submitOne(store);
    const id = await submitAfter([first, second], false);
    expect(await runNext(succeeded)).toBe(true);
    expect(await store.settleDependants(all)).toEqual({ places: [], rejected: [] });
    expect(await stateOf(id)).toBe('waiting');
    await runNext(failed);
    const { places } = await store.settleDependants({ of: [second], limit: 100 });
    expect(places).toEqual([{ queue: 'default', needs: [] }]);
    expect(await stateOf(id)).toBe('queued');
    expect(await runNext(succeeded)).toBe(false);
    expect(await stateOf(id)).toBe('succeeded');
  });

  it('keep to their own time when that comes later', async () => {
    const first = await submitOne(store);
    const runAt = new Date(Date.now() + 3_600_000).toISOString();
    const id = await submitAfter([first], false, { runAt });
    await runNext(succeeded);
    expect(await store.settleDependants({ of: [first], limit: 100 })).toEqual({ places: [], rejected: [] });
    expect(await reader.byId(id, me)).toMatchObject({ state: 'scheduled', runAt });
  });

  it('fail as rejected when a success they need cannot come any more, and so does what waits for them', async () => {
    const first = await submitOne(store);
    const other = await submitOne(store);
    const second = await submitAfter([first, other], true);
    const third = await submitAfter([second], true);
    const lenient = await submitAfter([second], false);
    await runNext(failed);
    const settled = await store.settleDependants({ of: [first], limit: 100 });
    expect(settled.rejected).toEqual([second, third]);
    expect(await reader.byId(second, me)).toMatchObject({
      state: 'failed',
      reason: 'rejected',
      message: `It was to run after job ${first} had succeeded, which failed.`,
    });
    expect(await stateOf(third)).toBe('failed');
    expect(await stateOf(lenient)).toBe('queued');
    expect(await stateOf(other)).toBe('queued');
    expect((await reader.events(second, 0, 10, me)).at(-1)).toMatchObject({
      actor: 'system:dependencies',
      name: 'failed',
      data: { reason: 'rejected' },
    });
  });

  it('fail when the job is cancelled instead', async () => {
    const first = await submitOne(store);
    const id = await submitAfter([first], true);
    await store.cancel([first], 'ana');
    await store.settleDependants({ of: [first], limit: 100 });
    expect((await reader.byId(id, me))?.message).toContain('which was cancelled');
  });

  it('are retried into waiting while what they need runs again, and rejected at once when it stands as it was', async () => {
    const first = await submitOne(store);
    const id = await submitAfter([first], true);
    await runNext(failed);
    await store.settleDependants(all);
    expect(await store.retry(id, 'ana')).toMatchObject({ state: 'waiting' });
    expect((await store.settleDependants(all)).rejected).toEqual([id]);
    expect(await store.retry(first, 'ana')).toMatchObject({ state: 'queued' });
    expect(await store.retry(id, 'ana')).toMatchObject({ state: 'waiting' });
    expect(await store.settleDependants(all)).toEqual({ places: [], rejected: [] });
    await runNext(succeeded);
    await store.settleDependants(all);
    expect(await stateOf(id)).toBe('queued');
  });

  it('learn the end of a job before it is removed', async () => {
    const first = await submitOne(store);
    const other = await submitOne(store);
    const id = await submitAfter([first, other], true);
    await runNext(failed);
    expect(await store.remove(first)).toBe(true);
    expect(await reader.byId(id, me)).toMatchObject({ state: 'failed', reason: 'rejected' });
  });

  it('are decided once by two that settle at the same time', async () => {
    const first = await submitOne(store);
    for (let count = 0; count < 50; count += 1) await submitAfter([first], false);
    await runNext(succeeded);
    const settled = await Promise.all([1, 2, 3, 4].map(() => store.settleDependants(all)));
    expect(settled.flatMap(({ places }) => places)).toHaveLength(50);
  });

  it('are refused when they name a job that is not there, and their neighbours are stored', async () => {
    const [bad, good] = await store.submit([
      newJob({ state: 'waiting', after: [{ jobId: 999, mustSucceed: true }] }),
      newJob({ name: 'neighbour' }),
    ]);
    expect(bad?.status).toBe('refused');
    expect(good?.status).toBe('stored');
    expect(await reader.count({}, me)).toBe(1);
  });
});
