import { chmodSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createSecretKey } from './key.ts';

let folder = '';
let file = '';

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'daybook-key-'));
  file = join(folder, 'secret-key');
});
afterEach(() => rmSync(folder, { recursive: true }));

it('is made once, for its owner alone, and is the same in the next life', () => {
  expect(createSecretKey(null, file).load()).toBeNull();
  const key = createSecretKey(null, file).loadOrMake();
  expect(key).toHaveLength(32);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(createSecretKey(null, file).loadOrMake().equals(key)).toBe(true);
  expect(createSecretKey(null, file).load()?.equals(key)).toBe(true);
});

it('of the settings wins over the file, and makes none', () => {
  const key = Buffer.alloc(32, 7);
  expect(createSecretKey(key, file).loadOrMake()).toBe(key);
  expect(statSync(file, { throwIfNoEntry: false })).toBeUndefined();
});

it('is refused when others may read the file, or it holds something else', () => {
  createSecretKey(null, file).loadOrMake();
  chmodSync(file, 0o644);
  expect(() => createSecretKey(null, file).load()).toThrow('chmod 600');
  writeFileSync(file, 'short\n');
  chmodSync(file, 0o600);
  expect(() => createSecretKey(null, file).load()).toThrow('32 bytes');
});
