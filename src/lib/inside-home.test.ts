import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { insideHome } from './inside-home.ts';

let root = '';
let home = '';

beforeAll(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'daybook-inside-')));
  home = join(root, 'home');
  mkdirSync(join(home, 'a'), { recursive: true });
  mkdirSync(join(root, 'home-of-others'));
  writeFileSync(join(home, 'a', 'file'), '');
  writeFileSync(join(root, 'home-of-others', 'file'), '');
  symlinkSync('a/file', join(home, 'near'));
  symlinkSync('../home-of-others', join(home, 'out'));
  symlinkSync('out/file', join(home, 'by-a-link'));
  symlinkSync('nowhere', join(home, 'dangling'));
  symlinkSync(home, join(root, 'link-to-home'));
});

afterAll(() => rmSync(root, { recursive: true }));

it.each([
  ['a/file', 'a/file'],
  ['/a/file', 'a/file'],
  ['./a/../a/file', 'a/file'],
  ['near', 'a/file'],
  ['a', 'a'],
])('%j is there', async (path, real) => {
  expect(await insideHome(home, path)).toEqual({ path: join(home, real) });
  expect(await insideHome(join(root, 'link-to-home'), path)).toEqual({ path: join(home, real) });
});

it.each(['', '.', '/', 'a/..'])('%j is home itself', async (path) => {
  expect(await insideHome(home, path)).toEqual({ path: home });
});

it.each(['..', '/..', '../home-of-others', 'out', 'out/file', 'a/../out/file', 'by-a-link'])(
  '%j leads out',
  async (path) => {
    expect(await insideHome(home, path)).toEqual({ problem: 'outside' });
  },
);

it.each(['b', 'a/file/b', 'dangling', '../nowhere', 'a\0b'])('nothing is at %j', async (path) => {
  expect(await insideHome(home, path)).toEqual({ problem: 'missing' });
});
