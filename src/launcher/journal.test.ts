import { appendFileSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Journal } from './journal.ts';

let folder: string;
let path: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'journal-test-'));
  path = join(folder, 'journal');
});

afterEach(() => rmSync(folder, { recursive: true }));

test('the next life knows what was started and not forgotten, even where the pid was not written any more', () => {
  const { journal, lost } = Journal.open(path);
  expect(lost).toEqual([]);
  journal.willStart([{ key: 'a', token: null }]);
  journal.hasStarted('a', 11, [100, 101]);
  journal.willStart([{ key: 'b', token: 'token' }]);
  journal.hasStarted('b', 12, [200, 201]);
  journal.forget('a');
  journal.willStart([{ key: 'c', token: null }]);
  // Killed here: what waits for the next write is lost, the mark before the start is not.
  journal.hasStarted('c', 13, null);
  expect(Journal.open(path).lost).toEqual([
    { key: 'b', pid: 12, startTicks: [200, 201], token: 'token' },
    { key: 'c', pid: null, startTicks: null, token: null },
  ]);
});

test('a torn last line is ignored', () => {
  const { journal } = Journal.open(path);
  journal.willStart([{ key: 'a', token: null }]);
  appendFileSync(path, '["start","b');
  expect(Journal.open(path).lost.map(({ key }) => key)).toEqual(['a']);
});

test('a file of forgotten keys stays small', () => {
  const { journal } = Journal.open(path);
  journal.willStart([{ key: 'kept', token: null }]);
  for (let i = 0; i < 20_000; i += 1) {
    journal.willStart([{ key: `key-${i}`, token: 'x'.repeat(50) }]);
    journal.forget(`key-${i}`);
  }
  journal.close();
  expect(statSync(path).size).toBeLessThan(1_100_000);
  expect(Journal.open(path).lost.map(({ key }) => key)).toEqual(['kept']);
});
