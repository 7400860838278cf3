/**
 * Everybody sees every job today. This test puts a rule in the place where such rules will stand, hides one job by it,
 * and asks every route there is: none may tell anything of that job, and none may change it.
 */
import { afterAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Actor } from '../../src/contract/actor.ts';
import { createOutputRecorder } from '../../src/domain/output/recorder.ts';
import { silentLogger } from '../../src/lib/logger.ts';
import { createFleetStore } from '../../src/adapters/store/fleet/fleet-store.ts';
import { createJobStore } from '../../src/adapters/store/job-store.ts';
import type { Conditions } from '../../src/adapters/store/jobs/conditions.ts';
import { createPartStore } from '../../src/adapters/store/part-store.ts';
import { createOutputStore } from '../../src/adapters/store/output-store.ts';
import { admin, app, ask, database, useAccounts } from '../support/accounts.ts';
import { endJobs } from '../support/diary.ts';
import { joinWorker, submitOne, succeeded } from '../support/jobs.ts';

const secret = 'hush-4711';

// The files of a worker share their modules: this one's must be made with the rule, and nobody else's.
vi.hoisted(() => vi.resetModules());
afterAll(() => {
  vi.resetModules();
});

vi.mock(import('../../src/adapters/store/jobs/conditions.ts'), async (original) => {
  const real = await original();
  const visibleTo = (conditions: Conditions, actor: Actor): Conditions =>
    real.visibleTo(conditions, actor).add(`job.owner <> 'hidden'`);
  return { ...real, visibleTo };
});

useAccounts();

let hidden = { id: 0, uid: '' };
let visible = 0;

async function cancelQueued(): Promise<void> {
  const rows = await database.db.query<{ id: number }>('select job_id as id from queued');
  await endJobs(
    database.db,
    rows.map(({ id }) => id),
    { state: 'cancelled' },
  );
}

beforeEach(async () => {
  hidden = await makeHiddenJob();
  visible = (await ask('POST', '/jobs', admin, { kind: 'script', input: { script: 'open.sh' } })).body.id;
  await database.db.query('insert into base_runs (job_id, base_job_id) values ($1, $2), ($2, $1)', [
    visible,
    hidden.id,
  ]);
  await database.db.query(
    'insert into job_dependencies (job_id, on_job_id, must_succeed) values ($1, $2, false)',
    [visible, hidden.id],
  );
});

/** An ended job whose every text says the secret, with output that does, too. */
async function makeHiddenJob(): Promise<{ id: number; uid: string }> {
  const { db } = database;
  const store = createJobStore(db);
  const texts = { name: secret, project: secret, tags: [secret], info: secret, input: { script: secret } };
  const id = await submitOne(store, { ...texts, owner: 'hidden' });
  const [job] = await (await joinWorker(database.db)).claim(1);
  if (!job) throw new Error('there is a job to claim');
  const outputStore = createOutputStore(db);
  await outputStore.preparePartitions(1);
  const recorder = createOutputRecorder(outputStore, silentLogger);
  const sink = recorder.open({ ...job, onProtocol: () => {}, onStored: () => {} });
  sink.append('stdout', Buffer.from(`${secret}\n`), new Date());
  await sink.close();
  await recorder.stop();
  const said = { text: secret, tone: 'bad' } as const;
  await createPartStore(db).append(job, 'url', [
    { number: 1, key: secret, endedAt: new Date().toISOString(), verdict: said, tookMs: 1, facts: secret },
  ]);
  const finish = succeeded(job, {
    state: 'failed',
    reason: 'exit',
    exitCode: 3,
    message: secret,
    errorLine: secret,
  });
  const family = { id: 'f'.repeat(16), signature: secret };
  await store.finish([{ ...finish, next: { state: 'failed', runAt: null }, family }]);
  return { id, uid: job.uid };
}

/** What each parameter is given so that the request would reach the job, if anything could. */
function fill(url: string, id: string): string {
  const values: Record<string, string> = { id, stream: 'stdout', series: '1', name: 'default' };
  return url.replaceAll(/:(\w+)/g, (_, name: string) => values[name] ?? id).replace('*', `pk:${id}`);
}

const streams = new Set(['/api/v1/events', '/api/v1/jobs/:id/output/live']);

async function routesOf(methods: readonly string[]): Promise<{ method: string; url: string }[]> {
  await app.ready();
  return app.routeTable().filter(({ method, url }) => methods.includes(method) && !streams.has(url));
}

describe('a job that one may not see', () => {
  it('is told of by no route that reads', async () => {
    const part = `?kind=url&key=${secret}`;
    const queries = ['', `?q=${secret}`, '?state=failed', `?find=${secret}`, `?q=id:${hidden.id}`, part];
    for (const { url } of await routesOf(['GET'])) {
      for (const id of [
        String(hidden.id),
        hidden.uid,
        `pk:${hidden.id}`,
        `uid:${hidden.uid}`,
        'date:today',
      ]) {
        for (const query of queries) {
          const answer = await app.inject({ url: `${fill(url, id)}${query}`, headers: admin });
          const told = answer.body.replaceAll(`?q=${secret}`, '').replaceAll(`?find=${secret}`, '');
          expect(told, `GET ${url} ${id} ${query}`).not.toContain(secret);
          if (url.startsWith('/api/v1/jobs/:id') && !id.includes(':'))
            expect([400, 404], `GET ${url} ${query}`).toContain(answer.statusCode);
        }
      }
    }
  });

  it('is not counted, and not named to those who built on it', async () => {
    const { body: stats } = await ask('GET', '/stats', admin);
    expect(stats.states).toEqual({ queued: 1 });
    const { body: job } = await ask('GET', `/jobs/${visible}`, admin);
    expect(JSON.stringify(job)).not.toContain(secret);
    expect((await ask('GET', '/failures', admin)).body.items).toEqual([]);
  });

  it('lends its name to no usual time, and its key to no list of limits', async () => {
    const store = createJobStore(database.db);
    const run = async (owner: string, minutes: number): Promise<number> => {
      const id = await submitOne(store, { owner, name: 'wing A7' });
      const [job] = await (await joinWorker(database.db)).claim(1);
      if (!job) throw new Error('there is a job to claim');
      await store.finish([succeeded(job)]);
      const since = `update ends set started_at = ended_at - $2 * interval '1 minute' where job_id = $1`;
      await database.db.query(since, [id, minutes]);
      return id;
    };
    await cancelQueued();
    for (let count = 0; count < 3; count += 1) await run('hidden', 90);
    const mine = await run('ana', 10);
    expect((await ask('GET', `/jobs/${mine}`, admin)).body.usual).toMatchObject({
      medianMs: 600_000,
      runs: 1,
    });

    await submitOne(store, { owner: 'hidden', lanes: [`key:${secret}`], ownLane: `key:${secret}` });
    await submitOne(store, { owner: 'ana', lanes: ['key:mesh'], ownLane: 'key:mesh' });
    await createFleetStore(database.db).putLane('licence:x', { capacity: 2 });
    const lanes = async (): Promise<string[]> =>
      (await ask('GET', '/lanes', admin)).body.items.map(({ key }: { key: string }) => key);
    expect(await lanes()).toEqual(['key:mesh', 'licence:x']);
    // Once somebody who may has said something about it, it is a limit like any other.
    await createFleetStore(database.db).putLane('key:wings', { capacity: 2 });
    expect(await lanes()).toEqual(['key:mesh', 'key:wings', 'licence:x']);
  });

  it('stands in the way of others as a number, with nothing of its own', async () => {
    const store = createJobStore(database.db);
    const fleet = createFleetStore(database.db);
    await cancelQueued();
    await fleet.putLane('licence:x', { capacity: 1 });
    const holder = await submitOne(store, { owner: 'hidden', name: secret, lanes: ['licence:x'] });
    const worker = await joinWorker(database.db, { slots: 1 });
    expect(await worker.claim(1)).toHaveLength(1);
    const waiting = await submitOne(store, {
      owner: 'ana',
      lanes: ['licence:x'],
      after: [{ jobId: holder, mustSucceed: true }],
      state: 'waiting',
    });
    const { body } = await ask('GET', `/jobs/${waiting}/waiting`, admin);
    expect(body.reasons).toMatchObject([
      {
        reason: 'job',
        jobId: holder,
        state: null,
        until: null,
        text: `It runs after job ${holder} has succeeded.`,
      },
      { reason: 'lane', holders: [], text: 'The one place of the limit licence:x is taken by 1 other.' },
    ]);
    expect((await ask('GET', `/jobs/${waiting}`, admin)).body.after).toEqual([
      { jobId: holder, mustSucceed: true, state: null },
    ]);
    // How many there are is true for everybody.
    const { items } = (await ask('GET', '/queues', admin)).body;
    expect(items).toMatchObject([{ name: 'default', running: 1, waiting: 1 }]);
  });

  it('is changed by no route', async () => {
    const before = await database.db.query('select * from job_rows where id = $1', [hidden.id]);
    const bodies = [
      {},
      { name: 'x' },
      { filter: `id:${hidden.id}`, action: 'retry' },
      { filter: '', action: 'delete' },
    ];
    for (const { method, url } of await routesOf(['POST', 'PATCH', 'PUT', 'DELETE'])) {
      if (!url.includes('/jobs')) continue;
      for (const payload of bodies)
        await app.inject({
          method: method as 'POST',
          url: fill(url, String(hidden.id)),
          headers: admin,
          payload,
        });
    }
    expect(await database.db.query('select * from job_rows where id = $1', [hidden.id])).toEqual(before);
  });
});
