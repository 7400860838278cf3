import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Actor } from '../../src/contract/actor.ts';
import { AppError } from '../../src/contract/errors.ts';
import { scheduledOptions, scheduleTerms } from '../../src/contract/schedule.ts';
import type { Jobs } from '../../src/domain/jobs/ports.ts';
import { silentLogger } from '../../src/lib/logger.ts';
import type { ScheduleRequest, Schedules, ScheduleStore } from '../../src/domain/schedules/ports.ts';
import { Runner } from '../../src/domain/schedules/runner.ts';
import { Scheduler } from '../../src/domain/schedules/scheduler.ts';
import { createSchedules } from '../../src/domain/schedules/schedules.ts';
import { createAccountStore } from '../../src/adapters/store/account-store.ts';
import { findActor } from '../../src/domain/accounts/find-actor.ts';
import { createJobReader } from '../../src/adapters/store/job-reader.ts';
import { createScheduleStore } from '../../src/adapters/store/schedule-store.ts';
import type { TestDatabase } from '../support/database.ts';
import { describeOnDatabases } from '../support/describe-on-databases.ts';
import { createTestProduct } from '../support/product.ts';
import { joinWorker, succeeded } from '../support/jobs.ts';

const ana: Actor = { name: 'ana', accountId: 1, role: 'member' };
const bo: Actor = { name: 'bo', accountId: 2, role: 'operator' };
const minute = 60_000;

describeOnDatabases('schedules', (create) => {
  let database: TestDatabase;
  let store: ScheduleStore;
  let jobs: Jobs;
  let now: Date;

  beforeAll(async () => {
    database = await create();
    store = createScheduleStore(database.db);
    jobs = createTestProduct(database.db).domains.jobs;
  });
  afterAll(() => database?.drop());
  beforeEach(async () => {
    await database.empty();
    now = new Date('2026-11-20T12:00:30Z');
    await database.db.query(
      `insert into users (name, display_name, role) values ('ana', 'Ana', 'member'), ('bo', 'Bo', 'operator')`,
    );
  });

  const clock = { now: () => now, monotonicMs: () => now.getTime() };

  /** What one server of several has: its own use cases and its own scheduler, on jobs that may fail. */
  function server(own: Pick<Jobs, 'submit' | 'cancel' | 'check'> = jobs): {
    schedules: Schedules;
    scheduler: Scheduler;
  } {
    const accounts = createAccountStore(database.db);
    const runner = new Runner({ store, jobs: own, findActor: (id) => findActor(accounts, id) });
    return {
      schedules: createSchedules({ store, jobs: own, runner, clock }),
      scheduler: new Scheduler({ store, runner, clock, graceMs: 10_000, logger: silentLogger }),
    };
  }

  function request(change: Partial<ScheduleRequest> = {}): ScheduleRequest {
    return {
      ...scheduleTerms.parse({ cron: '* * * * *' }),
      timezone: 'UTC',
      name: 'tick',
      note: '',
      paused: false,
      submit: {
        ...scheduledOptions.parse({ tags: ['mine'] }),
        kind: 'script',
        input: { script: 'a.sh', arguments: [] },
      },
      ...change,
    };
  }

  const jobRows = (): Promise<{ id: number; state: string; tags: string[]; owner: string }[]> =>
    database.db.query('select id, state, tags, owner from job_rows order by id');
  const outcomes = async (schedules: Schedules): Promise<string[]> =>
    (await schedules.runs('tick', { before: null, limit: 50 }))
      .reverse()
      .map(({ dueAt, outcome }) => `${dueAt.slice(11, 16)} ${outcome}`);
  const pass = (ms: number): void => void (now = new Date(now.getTime() + ms));
  const endJobs = async (): Promise<void> => {
    const worker = await joinWorker(database.db);
    for (const job of await worker.claim(100)) {
      await jobs.finish({ ...succeeded(job), attempt: { ...job, tries: 1 } });
    }
  };

  it('a due moment makes one job of its owner, which says of which schedule it is', async () => {
    const { schedules, scheduler } = server();
    await schedules.add(request(), ana);
    await scheduler.look();
    expect(await jobRows()).toEqual([]);
    pass(minute);
    await scheduler.look();
    await scheduler.look();
    expect(await jobRows()).toMatchObject([
      { owner: 'ana', tags: ['mine', 'schedule:tick'], state: 'queued' },
    ]);
    expect(await schedules.get('TICK')).toMatchObject({
      nextAt: '2026-11-20T12:02:00.000Z',
      lastRun: { outcome: 'submitted', dueAt: '2026-11-20T12:01:00.000Z', job: { state: 'queued' } },
    });
  });

  it('ten schedulers at once submit a moment once', async () => {
    const { schedules } = server();
    await schedules.add(request({ overlap: 'allow' }), ana);
    for (let round = 1; round <= 3; round += 1) {
      pass(minute);
      await Promise.all(Array.from({ length: 10 }, () => server().scheduler.look()));
      expect(await jobRows()).toHaveLength(round);
    }
    expect(await outcomes(schedules)).toEqual(['12:01 submitted', '12:02 submitted', '12:03 submitted']);
  });

  it('a leader killed between any two of its steps leaves what the next one finishes, once', async () => {
    const { schedules } = server();
    await schedules.add(request({ overlap: 'allow' }), ana);
    for (const dies of ['before the submit', 'after the submit'] as const) {
      pass(minute);
      const killed: Pick<Jobs, 'submit' | 'cancel' | 'check'> = {
        ...jobs,
        submit: async (order) => {
          if (dies === 'after the submit') await jobs.submit(order);
          throw new Error('killed');
        },
      };
      await server(killed).scheduler.look();
      expect((await outcomes(schedules)).at(-1)).toMatch(/pending$/);
      pass(5_000);
      await server().scheduler.look();
    }
    expect(await outcomes(schedules)).toEqual(['12:01 submitted', '12:02 submitted']);
    expect(await jobRows()).toHaveLength(2);
  });

  it('a submit that cannot be made now is made later; one that never can is recorded with its reason', async () => {
    const { schedules } = server();
    await schedules.add(request(), ana);
    pass(minute);
    let error = new AppError('storage_full', 'The disk is full.');
    const full = server({ ...jobs, submit: () => Promise.reject(error) });
    await full.scheduler.look();
    expect(await outcomes(schedules)).toEqual(['12:01 pending']);
    error = new AppError('invalid_input', 'input: gone.', { details: [{ field: 'input', message: 'gone' }] });
    await full.scheduler.look();
    expect((await schedules.runs('tick', { before: null, limit: 1 }))[0]).toMatchObject({
      outcome: 'refused',
      message: 'input: gone',
    });
    expect(await jobRows()).toEqual([]);
  });

  it('of somebody who left submits nothing more and says so', async () => {
    const { schedules, scheduler } = server();
    await schedules.add(request(), ana);
    await database.db.query(`update users set role = 'viewer' where name = 'ana'`);
    pass(minute);
    await scheduler.look();
    await createAccountStore(database.db).deleteUser('ana');
    await database.db.query(`insert into users (name, display_name, role) values ('ana', 'Ana', 'admin')`);
    pass(minute);
    await scheduler.look();
    expect(await outcomes(schedules)).toEqual(['12:01 refused', '12:02 refused']);
    const [gone, demoted] = await schedules.runs('tick', { before: null, limit: 50 });
    expect(demoted?.message).toBe('ana may not submit jobs any more.');
    expect(gone?.message).toBe('Its owner ana has no account any more; an operator can take it over.');
    expect(await jobRows()).toEqual([]);
  });

  describe('while its job has not ended', () => {
    it('skip passes the moment over', async () => {
      const { schedules, scheduler } = server();
      await schedules.add(request({ overlap: 'skip' }), ana);
      for (const _ of [1, 2]) {
        pass(minute);
        await scheduler.look();
      }
      expect(await outcomes(schedules)).toEqual(['12:01 submitted', '12:02 overlap']);
      await endJobs();
      pass(minute);
      await scheduler.look();
      expect((await outcomes(schedules)).at(-1)).toBe('12:03 submitted');
    });

    it('queue lets one run at a time', async () => {
      const { schedules, scheduler } = server();
      await schedules.add(request({ overlap: 'queue' }), ana);
      for (const _ of [1, 2, 3]) {
        pass(minute);
        await scheduler.look();
      }
      const worker = await joinWorker(database.db);
      expect(await worker.claim(10)).toHaveLength(1);
      expect(await jobRows()).toHaveLength(3);
    });

    it('replace cancels it', async () => {
      const { schedules, scheduler } = server();
      await schedules.add(request({ overlap: 'replace' }), ana);
      for (const _ of [1, 2]) {
        pass(minute);
        await scheduler.look();
      }
      expect((await jobRows()).map(({ state }) => state)).toEqual(['cancelled', 'queued']);
    });

    it('allow has both', async () => {
      const { schedules, scheduler } = server();
      await schedules.add(request({ overlap: 'allow' }), ana);
      for (const _ of [1, 2]) {
        pass(minute);
        await scheduler.look();
      }
      const worker = await joinWorker(database.db);
      expect(await worker.claim(10)).toHaveLength(2);
    });
  });

  it('jitter delays a job by what follows from schedule and moment', async () => {
    const { schedules, scheduler } = server();
    now = new Date();
    await schedules.add(request({ jitterSeconds: 3_600, overlap: 'allow' }), ana);
    pass(minute);
    await scheduler.look();
    const [row] = await database.db.query<{ runAt: Date; state: string }>(
      'select run_at as "runAt", state from job_rows',
    );
    expect(row?.state).toBe('scheduled');
    const delayMs = (row?.runAt.getTime() ?? 0) - now.getTime();
    expect(delayMs).toBeGreaterThan(-minute);
    expect(delayMs).toBeLessThan(60 * minute);
  });

  it('a pause passes nothing on: it is due from its end on', async () => {
    const { schedules, scheduler } = server();
    await schedules.add(request({ missed: 'all' }), ana);
    expect((await schedules.change('tick', { paused: true }, ana)).nextAt).toBeNull();
    pass(60 * minute);
    await scheduler.look();
    await schedules.change('tick', { paused: false }, ana);
    await scheduler.look();
    expect(await outcomes(schedules)).toEqual([]);
    pass(minute);
    await scheduler.look();
    expect(await outcomes(schedules)).toEqual(['13:01 submitted']);
  });

  it('after an outage what was missed is made up for as it says', async () => {
    const { schedules, scheduler } = server();
    await schedules.add(
      request({ missed: 'all', missedLimit: 2, overlap: 'allow', cron: '*/10 * * * *' }),
      ana,
    );
    pass(65 * minute);
    await scheduler.look();
    expect(await outcomes(schedules)).toEqual(['12:10 missed', '12:50 submitted', '13:00 submitted']);
    expect((await schedules.runs('tick', { before: null, limit: 9 })).at(-1)).toMatchObject({
      moments: 4,
      lastDueAt: '2026-11-20T12:40:00.000Z',
    });
  });

  it('a clock that was days ahead for a while silences nobody once it is right again', async () => {
    const { schedules, scheduler } = server();
    await schedules.add(request({ overlap: 'allow' }), ana);
    await schedules.add(request({ name: 'daily', cron: '30 12 * * *', overlap: 'allow' }), ana);
    const right = now;
    pass(3 * 24 * 60 * minute);
    await scheduler.look();
    const ahead = (await jobRows()).length;
    now = new Date(right.getTime() + 2 * minute);
    await scheduler.look();
    expect((await schedules.get('tick')).nextAt).toBe('2026-11-20T12:03:00.000Z');
    expect((await schedules.get('daily')).nextAt).toBe('2026-11-20T12:30:00.000Z');
    for (let round = 1; round <= 3; round += 1) {
      pass(minute);
      await scheduler.look();
      expect(await jobRows()).toHaveLength(ahead + round);
    }
    now = new Date('2026-11-20T12:30:05Z');
    await scheduler.look();
    const [newest] = await schedules.runs('daily', { before: new Date(now), limit: 1 });
    expect(newest).toMatchObject({ dueAt: '2026-11-20T12:30:00.000Z', outcome: 'submitted', by: null });
  });

  it('what a clock that was ahead decided of moments to come stays in the history, and is decided again', async () => {
    const { schedules, scheduler } = server();
    await schedules.add(request({ name: 'daily', cron: '0 13 * * *', overlap: 'allow' }), ana);
    const right = now;
    now = new Date('2026-11-23T13:00:10Z');
    await scheduler.look();
    now = right;
    await scheduler.look();
    for (const day of ['20', '21', '22', '23']) {
      now = new Date(`2026-11-${day}T13:00:10Z`);
      await scheduler.look();
    }
    const runs = await schedules.runs('daily', { before: null, limit: 20 });
    const due = runs
      .filter(({ by }) => by === null)
      .map(({ dueAt, outcome }) => [dueAt.slice(8, 10), outcome]);
    expect(due.toReversed()).toEqual(['20', '21', '22', '23'].map((day) => [day, 'submitted']));
    expect(runs.filter(({ by }) => by === 'system:clock')).not.toEqual([]);
  });

  it('a clock put back by less than three hours runs no fixed time twice, and a rule of every minute goes on', async () => {
    const { schedules, scheduler } = server();
    await schedules.add(request({ overlap: 'allow' }), ana);
    await schedules.add(request({ name: 'fixed', cron: '5 12 * * *', overlap: 'allow' }), ana);
    pass(5 * minute);
    await scheduler.look();
    pass(-2 * 60 * minute);
    await scheduler.look();
    const before = (await jobRows()).length;
    pass(minute);
    await scheduler.look();
    expect(await jobRows()).toHaveLength(before + 1);
    expect((await schedules.get('fixed')).nextAt).toBe('2026-11-21T12:05:00.000Z');
  });

  it('asked for, it submits now, whatever runs and also while paused, and history says who asked', async () => {
    const { schedules } = server();
    await schedules.add(request({ paused: true }), ana);
    const first = await schedules.runNow('tick', bo);
    expect(first).toMatchObject({ outcome: 'submitted', by: 'bo', job: { state: 'queued' } });
    pass(10);
    expect((await schedules.runNow('tick', ana)).outcome).toBe('submitted');
    expect((await jobRows()).map(({ owner }) => owner)).toEqual(['ana', 'ana']);
  });

  it('of somebody who left goes on in the name of who takes it over', async () => {
    const { schedules, scheduler } = server();
    await schedules.add(request(), ana);
    expect(await schedules.get('tick')).toMatchObject({ ownerId: 1, ownerIsGone: false });
    await createAccountStore(database.db).deleteUser('ana');
    expect(await schedules.list()).toMatchObject([{ owner: 'ana', ownerId: 1, ownerIsGone: true }]);
    const taken = await schedules.change('tick', { takeOver: true }, bo);
    expect(taken).toMatchObject({ owner: 'bo', ownerId: 2, ownerIsGone: false, cron: '* * * * *' });
    pass(minute);
    await scheduler.look();
    expect(await jobRows()).toMatchObject([{ owner: 'bo', tags: ['mine', 'schedule:tick'] }]);
  });

  it('who says what it submits becomes its owner; a name is given once; a removed one leaves its jobs', async () => {
    const { schedules } = server();
    await schedules.add(request(), ana);
    await schedules.runNow('tick', ana);
    expect((await schedules.change('tick', { note: 'x' }, bo)).owner).toBe('ana');
    expect((await schedules.change('tick', { submit: request().submit }, bo)).owner).toBe('bo');
    await expect(schedules.add(request({ name: 'Tick' }), ana)).rejects.toMatchObject({ code: 'conflict' });
    await schedules.add(request({ name: 'tock' }), ana);
    await expect(schedules.change('tock', { name: 'TICK' }, ana)).rejects.toMatchObject({ code: 'conflict' });
    await schedules.remove('tick');
    await expect(schedules.get('tick')).rejects.toMatchObject({ code: 'not_found' });
    expect(await createJobReader(database.db).byId(1, ana)).not.toBeNull();
  });

  it('what cannot be is refused by the name of its field', async () => {
    const { schedules } = server();
    const refused = request({
      cron: '0 0 30 2 *',
      timezone: 'Europe/Nowhere',
      startsAt: '2026-02-01T00:00:00Z',
      endsAt: '2026-01-01T00:00:00Z',
      blackouts: [{ from: '2026-02-01T00:00:00Z', until: '2026-01-01T00:00:00Z' }],
    });
    const fields = async (order: ScheduleRequest): Promise<string[]> =>
      schedules.add(order, ana).then(
        () => [],
        (error: AppError) => error.details.map(({ field }) => field),
      );
    expect(await fields(refused)).toEqual(['cron', 'timezone', 'endsAt', 'blackouts.0.until']);
    expect(await fields(request({ submit: { kind: 'script', input: { script: 'a/b' } } }))).toEqual([
      'submit.input.script',
    ]);
    expect(await schedules.list()).toEqual([]);
  });
});
