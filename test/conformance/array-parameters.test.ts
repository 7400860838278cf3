import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  encodeBigintArray,
  encodeTextArray,
  encodeTimeArray,
  encodeUuidArray,
} from '../../src/adapters/store/array-parameters.ts';
import type { TestDatabase } from '../support/database.ts';
import { describeOnDatabases } from '../support/describe-on-databases.ts';

describeOnDatabases('arrays as parameters', (create) => {
  let database: TestDatabase;

  beforeAll(async () => {
    database = await create();
  });
  afterAll(() => database?.drop());

  /** As PostgreSQL reads them. */
  async function read(type: string, parameter: Buffer): Promise<unknown[]> {
    const rows = await database.db.query<{ item: unknown }>(
      `select item::text from unnest($1::${type}[]) with ordinality i (item, n) order by n`,
      [parameter],
    );
    return rows.map(({ item }) => item);
  }

  it('has whole numbers as they are, also beyond 32 bits and below zero', async () => {
    const numbers = [0, 1, -1, 2 ** 31, 2 ** 32 - 1, 2 ** 32, -(2 ** 32) - 5, 2 ** 53 - 1, -(2 ** 53) + 1];
    expect(await read('bigint', encodeBigintArray(numbers))).toEqual(numbers.map(String));
  });

  it('has times to the millisecond, from before the epoch of PostgreSQL to far in the future', async () => {
    const times = [
      '1969-12-31T23:59:59.999Z',
      '1999-12-31T23:59:59.999Z',
      '2000-01-01T00:00:00.000Z',
      '2026-03-01T12:34:56.789Z',
      '4200-01-01T00:00:00.001Z',
    ];
    const rows = await database.db.query<{ ms: number }>(
      `select (extract(epoch from t) * 1000)::bigint::float8 as ms
       from unnest($1::timestamptz[]) with ordinality i (t, n) order by n`,
      [encodeTimeArray(times)],
    );
    expect(rows.map(({ ms }) => ms)).toEqual(times.map((time) => Date.parse(time)));
  });

  it('has texts, nulls and identifiers', async () => {
    expect(await read('text', encodeTextArray(['', 'ä\n"', null]))).toEqual(['', 'ä\n"', null]);
    const uuid = '0190163d-8694-739b-aea5-966c26f8ad91';
    expect(await read('uuid', encodeUuidArray([uuid]))).toEqual([uuid]);
    expect(await read('bigint', encodeBigintArray([]))).toEqual([]);
  });
});
