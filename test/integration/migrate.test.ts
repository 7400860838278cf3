import { afterEach, beforeEach, expect, it } from 'vitest';
import { createDatabase } from '../../src/adapters/store/database.ts';
import { noLimits } from '../../src/adapters/store/connection.ts';
import { migrate, type MigrationStep } from '../../src/adapters/store/migrate.ts';
import { createEmptyDatabase, type TestDatabase } from '../support/database.ts';
import { describeOnDatabases } from '../support/describe-on-databases.ts';

describeOnDatabases('migrations', (_create, backend) => {
  let empty: TestDatabase;

  beforeEach(async () => {
    empty = await createEmptyDatabase(backend.url ?? '');
  });

  afterEach(async () => {
    await empty.drop();
  });

  const applied = (): Promise<{ number: number }[]> =>
    empty.db.query('select number from schema_migrations order by number');

  it('racing starters apply each file exactly once', async () => {
    const starters = Array.from({ length: 4 }, () =>
      createDatabase({
        connection: { connectionString: empty.url },
        poolSize: 2,
        applicationName: 'starter',
        onIdleError: () => {},
      }),
    );
    await Promise.all(starters.map((starter) => migrate(starter)));
    await Promise.all(starters.map((starter) => starter.close()));
    const numbers = (await applied()).map((row) => row.number);
    expect(numbers.length).toBeGreaterThan(0);
    expect(numbers).toEqual([...new Set(numbers)]);
  });

  it('a second start changes nothing', async () => {
    await migrate(empty.db);
    const before = await applied();
    await migrate(empty.db);
    expect(await applied()).toEqual(before);
  });

  it('waits for who uses a table, a moment at a time, says so, and goes on', async () => {
    await migrate(empty.db, { upTo: 27 });
    const released = Promise.withResolvers<void>();
    const locked = Promise.withResolvers<void>();
    const holder = empty.db.transaction(async (tx) => {
      await tx.query('lock table retention_rules in access share mode');
      locked.resolve();
      await released.promise;
    });
    await locked.promise;
    const steps: MigrationStep[] = [];
    const migrated = migrate(empty.db, {
      upTo: 28,
      onStep: (step) => {
        steps.push(step);
        if (step.isWaiting) released.resolve();
      },
    });
    await Promise.all([migrated, holder]);
    const step = { number: 1, of: 1, file: '0028_retention-of-files.sql' };
    expect(steps).toEqual([
      { ...step, isWaiting: false },
      { ...step, isWaiting: true },
    ]);
    expect((await applied()).at(-1)).toEqual({ number: 28 });
  });

  it('the jobs of before belong to the account that submitted them, or to that of their name', async () => {
    await migrate(empty.db, { upTo: 28 });
    await empty.db.query(`insert into users (name, display_name, role) values ('Ana', 'Ana', 'member')`);
    await empty.db.query(
      `insert into jobs (uid, kind, name, state, owner, account_id)
       select gen_random_uuid(), 'script', 'a job', 'unknown', owner, account
       from (values (1, 'Ana', 1), (2, 'ana', null), (3, 'ana', 999), (4, 'bo', null)) r (place, owner, account) order by place`,
    );
    await migrate(empty.db);
    const rows = await empty.db.query<{ owner: string; ownerId: number | null }>(
      'select owner, owner_id as "ownerId" from jobs order by id',
    );
    expect(rows.map(({ owner, ownerId }) => [owner, ownerId])).toEqual([
      ['Ana', 1],
      ['ana', 1],
      ['ana', 999],
      ['bo', null],
    ]);
  });

  it("what else people owned before is theirs by account, and of a name without one nobody's", async () => {
    await migrate(empty.db, { upTo: 28 });
    await empty.db.query(`
      insert into users (name, display_name, role) values ('Ana', 'Ana', 'member');
      insert into schedules (name, cron, timezone, overlap, missed, missed_limit, submit, owner, cursor, changed_by)
        select name, '@daily', 'UTC', 'skip', 'skip', 1, '{}', name, now(), name from unnest(array['ana', 'bo']) name;
      insert into notification_rules (name, owner, filter, events, channel, subject, body, digest_minutes, stuck_minutes, disk_below_gib)
        select name, name, '', '{failed}', '{}', '', '', 0, 1, 1 from unnest(array['ana', 'bo']) name;
      insert into views (owner, name, filter, is_shared)
        select o, 'shared ' || s, '', s from unnest(array['ana', 'bo']) o, unnest(array[true, false]) s;
      insert into stored_files (owner, size_bytes, sha256) select o, 0, '' from unnest(array['ana', 'bo']) o;
      insert into secrets (name, sealed, users, created_by) values
        ('all', '', null, 'ana'), ('both', '', '{ANA,bo}', 'ana'), ('bo', '', '{bo}', 'ana');
      insert into jobs (uid, kind, name, state, owner, account_id)
        values ('00000000-0000-4000-8000-000000000001', 'script', 'a job', 'unknown', 'Ana', 1);
      insert into idempotency_keys (scope, key, body_hash, job_uid) values
        ('Ana', 'k', '', '00000000-0000-4000-8000-000000000001'), ('predecessor', 'k', '', gen_random_uuid());
    `);
    await migrate(empty.db);
    for (const table of ['schedules', 'notification_rules', 'stored_files'])
      expect(await empty.db.query(`select owner, owner_id as id from ${table} order by owner`)).toEqual([
        { owner: 'ana', id: 1 },
        { owner: 'bo', id: null },
      ]);
    expect(
      await empty.db.query('select owner, name, owner_id as id from views order by owner, name'),
    ).toEqual([
      { owner: 'ana', name: 'shared false', id: 1 },
      { owner: 'ana', name: 'shared true', id: 1 },
      { owner: 'bo', name: 'shared true', id: null },
    ]);
    expect(await empty.db.query('select name, to_json(user_ids) as ids from secrets order by name')).toEqual([
      { name: 'all', ids: null },
      { name: 'bo', ids: [] },
      { name: 'both', ids: [1] },
    ]);
    expect(await empty.db.query('select scope from idempotency_keys order by scope')).toEqual([
      { scope: '#1' },
      { scope: 'predecessor' },
    ]);
  });

  /** A diary of before, with a job in every state and of every history. */
  async function fillOldDiary(): Promise<void> {
    await migrate(empty.db, { upTo: 35 });
    await empty.db.query(`
      insert into workers (id, name, host, pid, version, slots, queues, labels, kinds, state) values
        ('00000000-0000-4000-8000-0000000000aa', 'w', 'h', 1, '0', 4, '{*}', '{}', '{script}', 'stopped');
      insert into queue_needs (queue, needs) values ('default', '{}'), ('default', '{gpu}');
      insert into jobs (id, uid, kind, name, state, reason, message, verdict, verdict_tone, progress, queue, priority, needs, lanes, blocked_by,
        run_at, attempt, released, owner, tags, submitted_at, started_at, ended_at, cancel_requested_at, cancel_requested_by, cancel_reason, family, own_verdict, own_verdict_tone)
      select id, gen_random_uuid(), 'script', 'job ' || id, state, case state when 'failed' then 'exit' end, message, verdict, tone, progress::jsonb, queue, id % 3,
        case when id % 4 = 0 then '{gpu}'::text[] else '{}' end, case when id % 5 = 0 then '{narrow}'::text[] else '{}' end, blocked_by,
        case when state = 'scheduled' then timestamptz '2030-01-01' end, attempt, released, 'Ana', '{t}', '2026-01-01T00:00:00Z'::timestamptz + id * interval '1 minute',
        case when attempt > 0 then timestamptz '2026-01-02' end, case when state in ('succeeded', 'failed', 'cancelled', 'finished') then timestamptz '2026-01-03' end,
        case when cancelled then timestamptz '2026-01-02T12:00:00Z' end, case when cancelled then 'bo' end, case when cancelled then 'wrong mesh' end,
        case state when 'failed' then 'fam' end, case when id = 7 then 'looks odd' end, case when id = 7 then 'warn' end
      from (values
        (1, 'waiting', 'default', null, null, null, null, null, 0, 0, false), (2, 'waiting', 'default', null, null, null, null, 'narrow', 0, 0, false),
        (3, 'scheduled', 'default', null, null, null, null, null, 2, 1, false), (4, 'queued', 'default', null, null, null, null, null, 0, 0, false),
        (5, 'running', 'default', null, null, null, '{"done": 3}', null, 1, 0, false), (6, 'running', 'default', null, null, null, null, null, 3, 1, true),
        (7, 'succeeded', 'default', 'fine', 'good', 'good', '{"done": 9}', null, 1, 0, false), (8, 'failed', 'default', 'it broke', null, null, null, null, 3, 0, false),
        (9, 'cancelled', 'default', 'Cancelled by bo', null, null, null, null, 0, 0, true), (10, 'finished', null, null, null, null, null, null, 1, 0, false),
        (11, 'unknown', null, null, null, null, null, null, 1, 0, false), (12, 'queued', 'default', null, null, null, null, null, 2, 2, false),
        (13, 'running', null, null, null, null, null, null, 1, 0, false)
      ) r (id, state, queue, message, verdict, tone, progress, blocked_by, attempt, released, cancelled);
      insert into job_inputs (job_id, input, retry) select id, '{"b": 1, "a": 2}', '{"attempts": 3}' from jobs;
      insert into attempts (job_id, number, owner, worker_id, worker_name, incarnation, state, reason, claimed_at, launched_at, ended_at, lanes, program)
      select j.id, n, case when j.queue is null then 'external' else 'slot' end, '00000000-0000-4000-8000-0000000000aa', 'w', 1,
        case when j.state = 'running' and n = j.attempt then 'running' when n <= j.released then 'released' when j.state = 'succeeded' then 'succeeded'
          when j.queue is null then 'finished' else 'failed' end,
        case when not (j.state = 'running' and n = j.attempt) and n > j.released and j.state <> 'succeeded' and j.queue is not null then 'exit' end,
        timestamptz '2026-01-02', timestamptz '2026-01-02' + interval '1 s', case when not (j.state = 'running' and n = j.attempt) then timestamptz '2026-01-02T01:00:00Z' end,
        case when j.state = 'running' then j.lanes else '{}' end, '{"pid": 1}'
      from jobs j cross join lateral generate_series(1, j.attempt) n;
      insert into external_leases (job_id, attempt, token, holder) select job_id, number, token, 'w' from attempts where owner = 'external' and state = 'running';
      select setval('jobs_id_seq', 13);
    `);
  }

  const jobsOfBefore = `select id, uid, kind, name, state, reason, message, verdict, verdict_tone, queue, priority, needs, lanes, blocked_by, run_at, attempt,
    released, owner, tags, submitted_at, started_at, ended_at, cancel_requested_at, cancel_requested_by, cancel_reason, own_verdict, own_verdict_tone, family`;
  const attemptsOfBefore = `select job_id, number, token, worker_id, worker_name, incarnation, state, reason, claimed_at, launched_at, ended_at, lanes, program`;

  it('jobs of every state stand where they stood, with their history, each in one table', async () => {
    await fillOldDiary();
    const jobs = await empty.db.query(`${jobsOfBefore} from jobs order by id`);
    const attempts = await empty.db.query(
      `${attemptsOfBefore}, owner as runs_by from attempts order by job_id, number`,
    );
    await migrate(empty.db);
    expect(await empty.db.query(`${jobsOfBefore} from job_rows order by id`)).toEqual(jobs);
    expect(
      await empty.db.query(`${attemptsOfBefore}, runs_by from attempt_rows order by job_id, number`),
    ).toEqual(attempts);
    const [counts] = await empty.db.query(
      `select (select count(*) from jobs) as jobs, (select count(*) from queued) as queued, (select count(*) from running) as running,
         (select count(*) from ends) as ends, (select count(*) from attempts) as attempts`,
    );
    expect(counts).toEqual({ jobs: 13, queued: 5, running: 3, ends: 5, attempts: attempts.length - 3 });
    // A try that ended is forgotten by the job that waits again; progress of one that runs or was the last is not.
    expect(
      await empty.db.query('select id, progress from job_rows where progress is not null order by id'),
    ).toEqual([
      { id: 5, progress: { done: 3 } },
      { id: 7, progress: { done: 9 } },
    ]);
  });

  it('refuse to take the tables from a worker of an older version that is active, and change nothing', async () => {
    await fillOldDiary();
    await empty.db.query(`update workers set state = 'active', seen_at = now()`);
    await expect(migrate(empty.db)).rejects.toMatchObject({
      code: 'configuration',
      message:
        'The schema cannot be brought up to date: workers of an older version are active: w. Stop every server and worker of this database, then start the new version. One that was killed counts as active for a minute.',
    });
    expect((await applied()).at(-1)).toEqual({ number: 35 });
    expect(await empty.db.query(`select from jobs where state = 'running'`)).toHaveLength(3);
    await empty.db.query(`update workers set seen_at = now() - interval '2 minutes'`);
    await migrate(empty.db);
    expect(await empty.db.query('select from running')).toHaveLength(3);
  });

  it('refuse a diary where a job runs without an attempt, rather than lose it', async () => {
    await fillOldDiary();
    await empty.db.query(`delete from external_leases; delete from attempts where job_id = 13`);
    await expect(migrate(empty.db)).rejects.toMatchObject({
      code: 'configuration',
      message: expect.stringContaining('13 jobs, of which 12 would be left') as string,
    });
    expect(await empty.db.query('select from jobs')).toHaveLength(13);
  });

  it('without limits of time go on where the database has one of its own', async () => {
    await empty.db.query(
      `do $$ begin execute format('alter database %I set statement_timeout = 200', current_database()); end $$`,
    );
    const db = createDatabase({
      connection: { connectionString: empty.url },
      poolSize: 1,
      applicationName: 'daybook-test',
      limits: noLimits,
      onIdleError: () => {},
    });
    expect(await db.query('select pg_sleep(0.5)')).toHaveLength(1);
    await db.close();
  });

  it('a schema of a newer version is refused and not touched', async () => {
    await migrate(empty.db);
    await empty.db.query(`insert into schema_migrations (number, file) values (9999, '9999_future.sql')`);
    const before = await applied();
    await expect(migrate(empty.db)).rejects.toMatchObject({ code: 'configuration' });
    await expect(migrate(empty.db)).rejects.toThrow(/newer Daybook \(schema 9999/);
    expect(await applied()).toEqual(before);
  });
});
