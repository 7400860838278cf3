import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const root = join(import.meta.dirname, '../..');

function long(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, [join(root, 'scripts/long.ts'), ...args], { encoding: 'utf8' });
}

it('long tests are listed without a name, each is described where people look, and is there', () => {
  const { status, stdout } = long();
  expect(status).toBe(2);
  const names = stdout
    .trim()
    .split('\n')
    .map((line) => line.split(' ')[0] ?? '');
  expect(names).toEqual(['kill-loops', 'fuzz', 'memory', 'storm', 'ftp', 'one-long-line']);
  const contributing = readFileSync(join(root, 'CONTRIBUTING.md'), 'utf8');
  for (const name of names) expect(contributing).toContain(`\`${name}\``);
  const source = readFileSync(join(root, 'scripts/long.ts'), 'utf8');
  for (const [file] of source.matchAll(/test\/\w+\/[\w-]+\.ts/g))
    expect([file, existsSync(join(root, file))]).toEqual([file, true]);
});

it.each(['kill-loop', 'constructor'])(
  'a long test that is none, %s, is told so, with those that are',
  (name) => {
    const { status, stdout, stderr } = long(name);
    expect(status).toBe(2);
    expect(stderr).toContain(`There is no long test "${name}"`);
    expect(stdout).toContain('kill-loops');
  },
);
