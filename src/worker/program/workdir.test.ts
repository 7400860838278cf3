import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { resolveWorkdir } from './workdir.ts';

let root = '';
let home = '';

beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'daybook-workdir-')));
  home = join(root, 'home');
  mkdirSync(join(home, 'a', 'b'), { recursive: true });
  mkdirSync(join(home, '.daybook-uploads'));
  mkdirSync(join(root, 'home-of-others'));
  writeFileSync(join(home, 'file'), '');
});

afterEach(() => rmSync(root, { recursive: true }));

it('is the home directory when nothing is named', async () => {
  expect(await resolveWorkdir(home, undefined)).toEqual({ directory: home });
  expect(await resolveWorkdir(home, '')).toEqual({ directory: home });
});

it.each([
  ['a', 'a'],
  ['a/b', 'a/b'],
  ['./a/../a/b/', 'a/b'],
  ['a/..', ''],
  ['.', ''],
  // As in a chroot: what looks absolute begins at the home directory.
  ['/a/b', 'a/b'],
])('%j is a folder of the home directory', async (workdir, expected) => {
  expect(await resolveWorkdir(home, workdir)).toEqual({ directory: join(home, expected).replace(/\/$/, '') });
});

it('may be a link to another folder of the home directory', async () => {
  symlinkSync('a/b', join(home, 'link'));
  expect(await resolveWorkdir(home, 'link')).toEqual({ directory: join(home, 'a/b') });
});

it.each(['..', '../home-of-others', 'a/../..', '/..', '../../../../tmp'])(
  '%j leads out and is refused',
  async (workdir) => {
    expect(await resolveWorkdir(home, workdir)).toEqual({
      exitCode: 126,
      message: expect.stringContaining('leads out of the home directory'),
    });
  },
);

it.each(['link', 'link/deeper', 'a/../link'])(
  '%j is refused when a link on its way leads out',
  async (workdir) => {
    mkdirSync(join(root, 'home-of-others', 'deeper'));
    symlinkSync(join(root, 'home-of-others'), join(home, 'link'));
    expect(await resolveWorkdir(home, workdir)).toMatchObject({ exitCode: 126 });
  },
);

it.each([
  ['nowhere', 'no such folder'],
  ['file', 'not a folder'],
  ['file/x', 'no such folder'],
  ['.daybook-uploads', 'no such folder'],
])('%j is refused: %s', async (workdir, reason) => {
  expect(await resolveWorkdir(home, workdir)).toEqual({
    exitCode: 126,
    message: expect.stringContaining(reason),
  });
});

it('is the home directory of a home that is a link', async () => {
  const link = join(root, 'link-to-home');
  symlinkSync(home, link);
  expect(await resolveWorkdir(link, 'a')).toEqual({ directory: join(home, 'a') });
});
