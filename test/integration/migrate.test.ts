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
