import { afterEach, beforeEach, expect, it } from 'vitest';
import { createDatabase } from '../../src/adapters/store/database.ts';
import { migrate } from '../../src/adapters/store/migrate.ts';
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

  it('a schema of a newer version is refused and not touched', async () => {
    await migrate(empty.db);
    await empty.db.query(`insert into schema_migrations (number, file) values (9999, '9999_future.sql')`);
    const before = await applied();
    await expect(migrate(empty.db)).rejects.toMatchObject({ code: 'configuration' });
    await expect(migrate(empty.db)).rejects.toThrow(/newer Daybook \(schema 9999/);
    expect(await applied()).toEqual(before);
  });
});
