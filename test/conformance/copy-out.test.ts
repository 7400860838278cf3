import { afterAll, beforeAll, expect, it } from 'vitest';
import { BinaryCopyDecoder } from '../../src/adapters/store/binary-copy.ts';
import { createDatabase, type Database } from '../../src/adapters/store/database.ts';
import type { TestDatabase } from '../support/database.ts';
import { describeOnDatabases } from '../support/describe-on-databases.ts';

/** In the list of columns, rows are sent as they are made. */
const endless = `copy (select repeat('x', 1000), generate_series(1, 1000000000)) to stdout (format binary)`;

describeOnDatabases('copying out of the database', (create) => {
  let database: TestDatabase;
  /** Of one connection, so that the next statement meets whatever the one before left behind. */
  let db: Database;

  beforeAll(async () => {
    database = await create();
    db = open();
  });

  afterAll(async () => {
    await db?.close();
    await database?.drop();
  });

  const open = (statementTimeoutMs = 60_000): Database =>
    createDatabase({
      connection: database.db.connection,
      poolSize: 1,
      applicationName: 'daybook-test-copy',
      limits: { statementTimeoutMs, idleInTransactionTimeoutMs: 0 },
      onIdleError: () => {},
    });

  async function copy(query: string): Promise<(string | null)[][]> {
    const decoder = new BinaryCopyDecoder();
    const rows: (string | null)[][] = [];
    await db.copyOut(`copy (${query}) to stdout (format binary)`, (bytes) => {
      for (const row of decoder.push(bytes)) rows.push(row.map((field) => field && field.toString('hex')));
    });
    decoder.finish();
    return rows;
  }

  async function expectToWork(): Promise<void> {
    expect(await copy(`values (1, '\\x0102'::bytea), (-1, null)`)).toEqual([
      ['00000001', '0102'],
      ['ffffffff', null],
    ]);
    expect(await db.query('select 7 as seven')).toEqual([{ seven: 7 }]);
    expect(await connectionsOfTest()).toBe(1);
  }

  const connectionsOfTest = async (): Promise<number> => {
    const rows = await database.db.query(
      `select from pg_stat_activity where datname = current_database() and application_name = 'daybook-test-copy'`,
    );
    return rows.length;
  };

  it('gives every row with its nulls, none at all where there are none, and rows larger than a packet', async () => {
    await expectToWork();
    expect(await copy('select 1 where false')).toEqual([]);
    const large = await copy(`select n, repeat('ab', n * 50000)::bytea from generate_series(1, 20) n`);
    expect(large.map(([, field]) => (field?.length ?? 0) / 4)).toEqual(
      Array.from({ length: 20 }, (_, index) => (index + 1) * 50_000),
    );
  });

  it('rejects with what the server says before the first row and after many, and works again', async () => {
    await expect(copy('select nothing')).rejects.toMatchObject({ code: '42703' });
    await expectToWork();
    await expect(copy('select 1 / (50000 - n) from generate_series(1, 60000) n')).rejects.toMatchObject({
      code: '22012',
    });
    await expectToWork();
  });

  it('ends with what its reader throws in the middle, leaves no connection busy, and works again', async () => {
    let pieces = 0;
    const reading = db.copyOut(endless, () => {
      pieces += 1;
      if (pieces === 3) throw new Error('enough');
    });
    await expect(reading).rejects.toThrow('enough');
    expect(pieces).toBe(3);
    await expect.poll(connectionsOfTest, { timeout: 10_000 }).toBe(0);
    await expectToWork();
  });

  it('says that the database is away when its backend is ended in the middle, and works again', async () => {
    let ending: Promise<unknown> | undefined;
    const reading = db.copyOut(endless, () => {
      ending ??= database.db.query(
        `select pg_terminate_backend(pid) from pg_stat_activity
         where datname = current_database() and application_name = 'daybook-test-copy'`,
      );
    });
    await expect(reading).rejects.toMatchObject({ code: 'database_unavailable' });
    await ending;
    await expectToWork();
  });

  it('is given up by the server when it takes too long', async () => {
    const hurried = open(300);
    await expect(hurried.copyOut(endless, () => {})).rejects.toMatchObject({ code: '57014' });
    await hurried.close();
  });
});
