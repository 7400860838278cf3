import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { adminPassword } from '../support/admin.ts';
import { runCommand, type CommandResult } from '../support/cli.ts';
import { startServer, type TestServer } from '../support/server.ts';

let server: TestServer;
let folder = '';
let job = '';

function run(...args: string[]): Promise<CommandResult> {
  const env = { DAYBOOK_URL: server.url, DAYBOOK_USER: 'admin', DAYBOOK_PASSWORD: adminPassword };
  return runCommand(args, { ...env, HOME: folder }, { cwd: folder });
}

beforeAll(async () => {
  server = await startServer();
  folder = mkdtempSync(join(tmpdir(), 'daybook-files-'));
  writeFileSync(
    join(server.folder, 'scripts', 'copy.sh'),
    '#!/bin/bash\ncd "$DAYBOOK_OUTPUT_DIR"\nmkdir sub\ncat "$DAYBOOK_INPUT_DIR"/*.txt > sub/all.txt\nprintf x > $\'a\\e[31mred\'\n',
    { mode: 0o755 },
  );
  writeFileSync(join(folder, 'one.txt'), 'one\n');
  writeFileSync(join(folder, 'a=b'), 'two\n');
  const submitted = await run('submit', '--wait', '--file', 'one.txt', '--file', 'a=b=two.txt', 'copy.sh');
  expect(submitted).toMatchObject({ code: 0 });
  job = /Job (\d+)/.exec(submitted.stderr)?.[1] ?? '';
});
afterAll(async () => {
  await server.close();
  rmSync(folder, { recursive: true });
});

it('files that a submit names are listed with what the job made of them, fit for a terminal', async () => {
  const { code, stdout } = await run('files', job);
  expect(code).toBe(0);
  expect(stdout).not.toContain('\u001b');
  expect(stdout.split('\n').map((line) => line.split(/ {2,}/).slice(0, 3))).toEqual([
    ['FILE', 'FROM', 'SIZE'],
    ['one.txt', 'submit', '4 B'],
    ['two.txt', 'submit', '4 B'],
    ['a\u241b[31mred', 'attempt 1', '1 B'],
    ['sub/all.txt', 'attempt 1', '8 B'],
    [''],
  ]);
});

it('what the job made is saved under its names, and what is there already stays', async () => {
  const saved = await run('files', job, '--save', 'results');
  expect(saved.code).toBe(0);
  expect(readFileSync(join(folder, 'results', 'sub', 'all.txt'), 'utf8')).toBe('one\ntwo\n');
  expect(readdirSync(join(folder, 'results')).sort()).toEqual(['a\u241b[31mred', 'sub']);
  writeFileSync(join(folder, 'results', 'a\u241b[31mred'), 'mine');
  const again = await run('files', job, '--save', 'results');
  expect([again.code, again.stderr]).toEqual([2, expect.stringContaining('is there already')]);
  expect(readFileSync(join(folder, 'results', 'a\u241b[31mred'), 'utf8')).toBe('mine');
  expect((await run('files', job, '--in', '--save', 'given')).code).toBe(0);
  expect(readdirSync(join(folder, 'given')).sort()).toEqual(['one.txt', 'two.txt']);
});

it('files whose names come to the same here are all saved, the second under a number', async () => {
  writeFileSync(
    join(server.folder, 'scripts', 'alike.sh'),
    '#!/bin/bash\ncd "$DAYBOOK_OUTPUT_DIR"\nfor name in a_b.txt \'a\\b.txt\' a:b.txt; do printf "%s" "$name" > "$name"; done\n',
    { mode: 0o755 },
  );
  const submitted = await run('submit', '--wait', 'alike.sh');
  const alike = /Job (\d+)/.exec(submitted.stderr)?.[1] ?? '';
  expect((await run('files', alike, '--save', 'alike')).code).toBe(0);
  const names = readdirSync(join(folder, 'alike')).sort();
  expect(names).toEqual(['a_b (2).txt', 'a_b (3).txt', 'a_b.txt']);
  const texts = names.map((name) => readFileSync(join(folder, 'alike', name), 'utf8'));
  expect(texts.sort()).toEqual(['a:b.txt', 'a\\b.txt', 'a_b.txt']);
});

it('nothing is saved through a link that leads out of the folder', async () => {
  const outside = join(folder, 'outside');
  mkdirSync(outside);
  mkdirSync(join(folder, 'trap'));
  symlinkSync(outside, join(folder, 'trap', 'sub'));
  const { code, stderr } = await run('files', job, '--save', 'trap');
  expect([code, stderr]).toEqual([2, expect.stringContaining('is a link')]);
  expect(readdirSync(outside)).toEqual([]);
  expect(existsSync(join(folder, 'trap', 'sub', 'all.txt'))).toBe(false);
});

it.each([
  [['nowhere.txt'], 'nowhere.txt cannot be read (ENOENT)'],
  [['.'], '. is no file'],
  [['one.txt=../one.txt'], 'without `..`'],
  [['one.txt', 'one.txt'], 'one.txt is there twice'],
])('files that cannot be given are named before anything is sent: %j', async (files, words) => {
  const { code, stderr } = await run('submit', ...files.flatMap((file) => ['--file', file]), 'copy.sh');
  expect([code, stderr]).toEqual([2, expect.stringContaining(words)]);
});
