import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { readConfig } from './read-config.ts';

let folder = '';

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'daybook-config-'));
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

it('reads the file that DAYBOOK_CONFIG names', () => {
  const file = join(folder, 'mine.toml');
  writeFileSync(file, '[http]\nport = 8123\n');
  expect(readConfig([], { DAYBOOK_CONFIG: file }).http.port).toBe(8123);
});

it('refuses a file that was named and is not there', () => {
  expect(() => readConfig([], { DAYBOOK_CONFIG: join(folder, 'none.toml') })).toThrow(
    /none\.toml cannot be read \(ENOENT\)/,
  );
});

it('sees through symbolic links that put scripts inside home', () => {
  mkdirSync(join(folder, 'home/inside'), { recursive: true });
  symlinkSync(join(folder, 'home/inside'), join(folder, 'scripts'));
  const env = {
    WORKER_DIRECTORY_PATH: join(folder, 'home'),
    WORKER_SCRIPT_PATH: join(folder, 'scripts/own'),
  };
  expect(() => readConfig([], env)).toThrow(/must not lie inside each other/);
});
