import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { systemActor } from '../../src/contract/actor.ts';
import type { NewRetentionRule, RetentionRule } from '../../src/contract/retention.ts';
import type { JobStore, NewJob } from '../../src/domain/jobs/ports.ts';
import type { JobReader } from '../../src/domain/jobs/reader-ports.ts';
import { silentLogger } from '../../src/lib/logger.ts';
import { chunkOutput } from '../../src/domain/output/append.ts';
import { appendGap } from '../../src/domain/output/gap-chunk.ts';
import type { OutputReader, OutputStore } from '../../src/domain/output/ports.ts';
import { createOutputReader } from '../../src/domain/output/reader.ts';
import { RetentionKeeper } from '../../src/domain/retention/keeper.ts';
import type { Retention, RetentionStore } from '../../src/domain/retention/ports.ts';
import { createRetention } from '../../src/domain/retention/retention.ts';
import { createAuditStore } from '../../src/adapters/store/audit-store.ts';
import { createFileStore } from '../../src/adapters/store/file-store.ts';
import { createJobReader } from '../../src/adapters/store/job-reader.ts';
import { createJobStore } from '../../src/adapters/store/job-store.ts';
import { createOutputStore } from '../../src/adapters/store/output-store.ts';
import { createRetentionStore } from '../../src/adapters/store/retention/retention-store.ts';
import { createJobSearch } from '../../src/adapters/store/search/job-search.ts';
import type { TestDatabase } from '../support/database.ts';
import { describeOnDatabases } from '../support/describe-on-databases.ts';
import { setSubmittedAt } from '../support/diary.ts';
import { pollUntil } from '../support/poll.ts';
import { there } from '../support/there.ts';
import { failed, joinWorker, submitOne, succeeded } from '../support/jobs.ts';

const me = systemActor('test');
const never = new AbortController().signal;
const dayMs = 86_400_000;

describeOnDatabases('retention rules', (create) => {
  let database: TestDatabase;
  let jobs: JobStore;
  let reader: JobReader;
  let output: OutputStore;
  let printed: OutputReader;
  let rules: RetentionStore;
  let retention: Retention;
  let clockMs = 0;
  const clock = { now: () => new Date(Date.now() + clockMs), monotonicMs: () => performance.now() };

  beforeAll(async () => {
    database = await create();
    const { db } = database;
    jobs = createJobStore(db);
    reader = createJobReader(db);
    output = createOutputStore(db);
    printed = createOutputReader(output);
    rules = createRetentionStore(db, appendGap);
    retention = createRetention({ store: rules, search: createJobSearch(db), clock, timezone: 'UTC' });
  });

  afterAll(() => database?.drop());

  beforeEach(async () => {
    clockMs = 0;
    await database.empty();
  });

  const keeperOn = (store: RetentionStore): RetentionKeeper =>
    new RetentionKeeper({
      store,
      search: createJobSearch(database.db),
      audit: createAuditStore(database.db),
      bell: { announce: () => {} },
      clock,
      timezone: 'UTC',
      logger: silentLogger,
    });
  const apply = (): Promise<void> => keeperOn(rules).apply(never);

  /** An ended job that printed `text`, as if it had ended so many days ago. */
  const endedJob = async (
    daysAgo: number,
    change: Partial<NewJob> = {},
    text = 'what it printed\n',
  ): Promise<number> => {
    const id = await submitOne(jobs, change);
    const worker = await joinWorker(database.db);
    const [job] = await worker.claim(1);
    if (job?.jobId !== id) throw new Error('the job is there to claim');
    const { chunks, stdoutBytes } = await chunkOutput({ stdout: text, stderr: '', at: job.claimedAt });
    await output.write(chunks.map((chunk) => ({ ...chunk, jobId: id, claimedAt: job.claimedAt })));
    await jobs.finish([change.name === 'fails' ? failed(job) : succeeded(job, { stdoutBytes })]);
    await age(id, daysAgo);
    return id;
  };
  const age = async (id: number, daysAgo: number): Promise<void> => {
    const at = `now() - ${daysAgo} * interval '24 hours'`;
    await setSubmittedAt(database.db, `${at} - interval '1 minute'`, id);
    await database.db.query(`update ends set ended_at = ${at} where job_id = $1`, [id]);
  };
  /** A rule that is in effect already. */
  const rule = async (change: Partial<NewRetentionRule> = {}): Promise<RetentionRule> =>
    retention.add(
      {
        name: 'old ones',
        filter: '',
        olderThanDays: 30,
        removes: 'job',
        enabled: true,
        effectiveFrom: clock.now().toISOString(),
        ...change,
      },
      me,
    );
  /** A complete file that nothing names yet. */
  const stored = async (text: string): Promise<string> => {
    const id = randomUUID();
    const data = Buffer.from(text);
    await createFileStore(database.db).complete({
      id,
      owner: { owner: 'ana', ownerId: null },
      sizeBytes: data.length,
      sha256: '00'.repeat(32),
      lastChunk: { firstByte: 0, sizeBytes: data.length, codec: 'plain', data },
      madeBy: null,
    });
    return id;
  };
  const left = async (): Promise<number[]> =>
    (await database.db.query<{ id: number }>('select id from jobs order by id')).map(({ id }) => id);
  const chunksLeft = async (): Promise<number> =>
    (await database.db.query<{ n: number }>('select count(*) as n from output_chunks'))[0]?.n ?? -1;
  const textOf = async (id: number): Promise<string> => {
    const attempt = await reader.attemptRef(id, null, me);
    if (!attempt) throw new Error('there is an attempt');
    let text = '';
    for await (const bytes of printed.bytes(attempt, 'stdout')) text += bytes.toString();
    return text;
  };
  const lastRun = async () => (await retention.list())[0]?.runs[0];

  it('remove what fits the filter and ended long enough ago, with its output, and nothing else', async () => {
    const [old, other, young] = [
      await endedJob(31, { project: '3001' }),
      await endedJob(31, { project: '4000' }),
      await endedJob(29, { project: '3001' }),
    ];
    const live = await submitOne(jobs, { project: '3001' });
    await setSubmittedAt(database.db, `now() - interval '90 days'`, live);
    await rule({ filter: 'project:3001' });
    await apply();
    expect(await left()).toEqual([other, young, live]);
    expect(await reader.byId(old, me)).toBeNull();
    expect(await chunksLeft()).toBe(2);
    expect(await lastRun()).toMatchObject({ jobs: 1, outputBytes: 16, endedAt: expect.any(String) });
    const [entry] = await createAuditStore(database.db).list({ limit: 1 });
    expect(entry).toMatchObject({
      actor: 'system:retention',
      action: 'retention-rules.applied',
      target: 'old ones',
      details: { jobs: 1, outputBytes: 16, removes: 'job' },
    });
  });

  it('take only the output when they say so, and leave a gap that names them', async () => {
    const id = await endedJob(31);
    await rule({ removes: 'output' });
    await apply();
    expect(await textOf(id)).toMatch(
      /^\n\[daybook: output is missing here: removed by retention rule "old ones" on \d{4}-\d\d-\d\d\]\n$/,
    );
    const attempt = await reader.attemptRef(id, null, me);
    const view =
      attempt &&
      (await printed.view(attempt, { stream: 'stdout', from: null, direction: 'forward', limit: 9 }));
    expect(view?.lines).toMatchObject([{ kind: 'gap', text: expect.stringMatching(/"old ones"/) }]);
    expect(await reader.attempts(id, me)).toMatchObject([
      { stdoutBytes: 16, outputRemoved: { rule: 'old ones' } },
    ]);
    expect((await reader.events(id, 0, 100, me)).at(-1)).toMatchObject({
      actor: 'system:retention',
      name: 'output removed',
      data: { rule: 'old ones', bytes: 16 },
    });
    const before = await lastRun();
    await database.db.query(`update retention_runs set started_at = now() - interval '2 hours'`);
    await apply();
    expect(await retention.list()).toMatchObject([{ runs: [{ jobs: 0 }, { jobs: 1 }] }]);
    expect(before?.jobs).toBe(1);
    expect(await chunksLeft()).toBe(1);
  });

  it('take only the files when they say so, and leave those that another job names, too', async () => {
    const files = createFileStore(database.db);
    const [old, young] = [await endedJob(31), await endedJob(1)];
    const [own, shared] = [await stored('made'), await stored('of both')];
    for (const [jobId, file, name] of [
      [old, own, 'own.txt'],
      [old, shared, 'shared.txt'],
      [young, shared, 'shared.txt'],
    ] as const)
      await database.db.query(
        `insert into artifacts (job_id, role, name, file_id) values ($1, 'in', $3, $2)`,
        [jobId, file, name],
      );
    const terms = { filter: '', olderThanDays: 30, removes: 'files' } as const;
    expect(await retention.preview(terms, me)).toMatchObject({ jobs: 1, fileBytes: 4, outputBytes: 0 });
    expect(await files.listRemoved(old, me)).toEqual([]);
    await rule({ removes: 'files' });
    expect((await retention.ofJob(there(await reader.byId(old, me)))).items).toMatchObject([
      { removes: 'files' },
    ]);
    await apply();
    expect(await files.list(old, me)).toEqual([]);
    expect(await files.listRemoved(old, me)).toMatchObject([{ rule: 'old ones', count: 2 }]);
    expect((await files.list(young, me)).map(({ file }) => file)).toEqual([shared]);
    expect((await files.find([own, shared])).map(({ id }) => id)).toEqual([shared]);
    expect(await textOf(old)).toBe('what it printed\n');
    expect(await lastRun()).toMatchObject({ jobs: 1, fileBytes: 4, outputBytes: 0 });
    expect(await retention.preview(terms, me)).toMatchObject({ jobs: 0, fileBytes: 0 });
    expect((await retention.ofJob(there(await reader.byId(old, me)))).items).toEqual([]);
    // Applied again it finds nothing, and the whole job weighs what is left of it.
    await apply();
    expect(await files.listRemoved(old, me)).toHaveLength(1);
    expect(await retention.preview({ ...terms, removes: 'job' }, me)).toMatchObject({
      outputBytes: 16,
      fileBytes: 0,
    });
  });

  it('that take whole jobs count their files, and none that stays', async () => {
    const [old, young] = [await endedJob(31), await endedJob(1)];
    const [own, shared] = [await stored('made'), await stored('of both')];
    await database.db.query(
      `insert into artifacts (job_id, role, name, file_id)
       values ($1, 'in', 'a', $3), ($1, 'in', 'b', $4), ($2, 'in', 'b', $4)`,
      [old, young, own, shared],
    );
    await rule();
    await apply();
    expect(await left()).toEqual([young]);
    expect(await lastRun()).toMatchObject({ jobs: 1, outputBytes: 16, fileBytes: 4 });
    expect(await createFileStore(database.db).find([own, shared])).toHaveLength(1);
  });

  it('leave kept jobs and the base runs of kept jobs alone', async () => {
    const [kept, base, plain] = [await endedJob(31), await endedJob(31), await endedJob(31)];
    await jobs.change(kept, { keep: true, baseRuns: [{ jobId: base }] }, 'ana');
    await rule();
    expect(await retention.preview({ filter: '', olderThanDays: 30, removes: 'job' }, me)).toMatchObject({
      jobs: 1,
      isAtLeast: false,
      outputBytes: 16,
      oldest: { id: plain },
      kept: 2,
    });
    await apply();
    expect(await left()).toEqual([kept, base]);
    expect(await textOf(base)).toBe('what it printed\n');
  });

  it('lose to a keep that is set between the preview and the run, and even between finding and removing', async () => {
    const [first, second] = [await endedJob(32), await endedJob(31)];
    await rule();
    const preview = await retention.preview({ filter: '', olderThanDays: 30, removes: 'job' }, me);
    expect(preview).toMatchObject({ jobs: 2, oldest: { id: first }, newest: { id: second } });
    await jobs.change(first, { keep: true }, 'ana');
    let wasKept = false;
    const late: RetentionStore = {
      ...rules,
      removeFrom: async (id, run, now) => {
        if (id === second) wasKept = (await jobs.change(second, { keep: true }, 'ana')).status === 'changed';
        return rules.removeFrom(id, run, now);
      },
    };
    await keeperOn(late).apply(never);
    expect([wasKept, await left()]).toEqual([true, [first, second]]);
  });

  it('wait for a change of keep that is not committed yet, and obey it', async () => {
    const id = await endedJob(31);
    const { id: ruleId } = await rule();
    const [run] = await rules.openRuns(clock.now(), 0);
    expect(run?.rule.id).toBe(ruleId);
    const removal = await database.db.transaction(async (tx) => {
      await tx.query('update jobs set keep = true where id = $1', [id]);
      const removing = rules.removeFrom(id, there(run), clock.now());
      await untilSomebodyWaits(database);
      return { removing };
    });
    expect(await removal.removing).toBeNull();
    expect(await left()).toEqual([id]);
  });

  it('leave a job alone that was retried after it was found', async () => {
    const id = await endedJob(31, { name: 'fails' });
    await rule();
    const [run] = await rules.openRuns(clock.now(), 0);
    expect(await jobs.retry(id, 'ana')).not.toBeNull();
    expect(await rules.removeFrom(id, there(run), clock.now())).toBeNull();
    const [again] = await (await joinWorker(database.db)).claim(1);
    await jobs.finish([succeeded(there(again))]);
    expect(await rules.removeFrom(id, there(run), clock.now())).toBeNull();
    expect(await left()).toEqual([id]);
  });

  it('remove nothing before they take effect, by default a day after they were made or go further', async () => {
    const id = await endedJob(31);
    const made = await retention.add(
      { name: 'later', filter: '', olderThanDays: 60, removes: 'job', enabled: true },
      me,
    );
    expect(Date.parse(made.effectiveFrom) - Date.now()).toBeGreaterThan(dayMs - 60_000);
    await database.db.query(`update retention_rules set effective_from = now() - interval '1 hour'`);
    await apply();
    expect(await left()).toEqual([id]);
    const renamed = await retention.change(made.id, { name: 'renamed', olderThanDays: 90 }, me);
    expect(Date.parse(there(renamed).effectiveFrom)).toBeLessThan(Date.now());
    const shorter = await retention.change(made.id, { olderThanDays: 30 }, me);
    expect(Date.parse(there(shorter).effectiveFrom) - Date.now()).toBeGreaterThan(dayMs - 60_000);
    await apply();
    expect(await left()).toEqual([id]);
    expect(await retention.ofJob(there(await reader.byId(id, me)))).toEqual({
      items: [{ rule: 'renamed', removes: 'job', at: there(shorter).effectiveFrom }],
      keptBy: null,
    });
    await expect(
      retention.change(made.id, { effectiveFrom: new Date(Date.now() - dayMs).toISOString() }, me),
    ).rejects.toMatchObject({ code: 'invalid_input', details: [{ field: 'effectiveFrom' }] });
  });

  it.each([300, -300])('remove nothing early when the clock of the leader is %d days off', async (days) => {
    const [old, young] = [await endedJob(31), await endedJob(29)];
    await rule();
    clockMs = days * dayMs;
    await apply();
    expect(await left()).toEqual(days > 0 ? [young] : [old, young]);
  });

  it('that are switched off or changed remove nothing from that moment on', async () => {
    const ids = [await endedJob(33), await endedJob(32), await endedJob(31)];
    const { id } = await rule();
    const switching: RetentionStore = {
      ...rules,
      removeFrom: async (jobId, run, now) => {
        if (jobId === ids[1]) await retention.change(id, { enabled: false }, me);
        return rules.removeFrom(jobId, run, now);
      },
    };
    await keeperOn(switching).apply(never);
    expect(await left()).toEqual(ids.slice(1));
    await apply();
    expect(await left()).toEqual(ids.slice(1));
  });

  it('go on where they were stopped, and count each job once', async () => {
    for (let count = 0; count < 5; count += 1) await endedJob(31 + count);
    await rule();
    const stop = new AbortController();
    let removed = 0;
    const stopping: RetentionStore = {
      ...rules,
      removeFrom: async (...args) => {
        const gone = await rules.removeFrom(...args);
        removed += 1;
        if (removed === 2) stop.abort();
        return gone;
      },
    };
    await keeperOn(stopping).apply(stop.signal);
    expect(await left()).toHaveLength(3);
    expect(await lastRun()).toMatchObject({ jobs: 2, endedAt: null });
    await apply();
    expect(await left()).toEqual([]);
    expect(await lastRun()).toMatchObject({ jobs: 5, outputBytes: 80, endedAt: expect.any(String) });
    expect((await retention.list())[0]?.runs).toHaveLength(1);
  });

  it('are applied once by two leaders at the same time', async () => {
    for (let count = 0; count < 12; count += 1) await endedJob(31);
    await rule({ removes: 'output' });
    await Promise.all([apply(), apply()]);
    expect((await retention.list())[0]?.runs).toMatchObject([{ jobs: 12, outputBytes: 192 }]);
    expect(await createAuditStore(database.db).list({ limit: 9 })).toHaveLength(1);
    const [{ n }] = (await database.db.query<{ n: number }>(
      `select count(*) as n from events where name = 'output removed'`,
    )) as [{ n: number }];
    expect([n, await chunksLeft()]).toEqual([12, 12]);
  });

  it('leave out what the diary leaves out, and tell a job so', async () => {
    const id = await endedJob(31);
    await jobs.change(id, { assessment: 'obsolete' }, 'ana');
    await rule();
    await apply();
    expect(await left()).toEqual([id]);
    expect(await retention.ofJob(there(await reader.byId(id, me)))).toEqual({ items: [], keptBy: null });
    await rule({ name: 'obsolete ones', filter: 'assessment:obsolete', olderThanDays: 40 });
    const { items } = await retention.ofJob(there(await reader.byId(id, me)));
    expect(items).toMatchObject([{ rule: 'obsolete ones' }]);
    expect(Date.parse(there(items[0]).at) - Date.now()).toBeGreaterThan(8 * dayMs);
    await jobs.change(id, { keep: true }, 'ana');
    expect(await retention.ofJob(there(await reader.byId(id, me)))).toEqual({ items: [], keptBy: 'keep' });
  });

  it('have one name each, and no filter that depends on who asks', async () => {
    await rule();
    await expect(rule({ name: 'OLD ones' })).rejects.toMatchObject({ code: 'conflict' });
    const second = await rule({ name: 'second' });
    await expect(retention.change(second.id, { name: 'old ones' }, me)).rejects.toMatchObject({
      code: 'conflict',
    });
    await expect(rule({ name: 'mine', filter: 'is:mine' })).rejects.toMatchObject({
      details: [{ field: 'filter' }],
    });
    expect(await retention.list()).toHaveLength(2);
    expect(await retention.remove(second.id)).toMatchObject({ name: 'second' });
    expect(await retention.remove(second.id)).toBeNull();
  });
});

async function untilSomebodyWaits(database: TestDatabase): Promise<void> {
  await pollUntil(
    async () =>
      (
        await database.db.query<{ n: number }>(
          `select count(*) as n from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
        )
      )[0]?.n ?? 0,
    (waiting) => waiting > 0,
  );
}
