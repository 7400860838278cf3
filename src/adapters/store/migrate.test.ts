import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { orderMigrations } from './migrate.ts';

describe('the files of migrations', () => {
  it('are taken in order of their number, whatever else lies beside them', () => {
    const files = ['0002_b.sql', 'README.md', '0001_a.sql'];
    expect(orderMigrations(files).map(({ number }) => number)).toEqual([1, 2]);
  });

  it.each([
    [['0001_a.sql', '0001_b.sql'], 'migrations/0001_a.sql and migrations/0001_b.sql have one number'],
    [['0001_a.sql', '0003_c.sql'], 'there is no number 2 before 0003_c.sql'],
    [['0002_b.sql'], 'there is no number 1 before 0002_b.sql'],
    [['1_a.sql'], 'migrations/1_a.sql has no name like 0001_what-it-does.sql'],
  ])('%j are refused in words', (files, message) => {
    expect(() => orderMigrations(files)).toThrow(message);
  });

  it('of this version are in order', () => {
    const folder = join(import.meta.dirname, '../../../migrations');
    expect(orderMigrations(readdirSync(folder)).length).toBeGreaterThan(20);
  });
});
