import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { markFile, OwnFolder, type OwnFolderOptions } from './own-folder.ts';

const options: OwnFolderOptions = {
  purpose: 'attempts',
  owner: 'this one',
  isOwnName: (name) => /^\d+$/.test(name),
};
let root = '';
let folder = '';

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'daybook-own-'));
  folder = join(root, 'folder');
  mkdirSync(folder);
});
afterEach(() => rmSync(root, { recursive: true }));

it('an empty folder is claimed, and found again; what is not of our form is never removed', async () => {
  await OwnFolder.claim(folder, options);
  mkdirSync(join(folder, '1'));
  mkdirSync(join(folder, 'theirs'));
  const own = await OwnFolder.claim(folder, options);
  expect(await own.list()).toEqual(['1']);
  await own.remove('1');
  await expect(own.remove('theirs')).rejects.toThrow('is not ours to remove');
  await expect(own.remove(markFile)).rejects.toThrow('is not ours to remove');
  expect(readdirSync(folder).sort()).toEqual([markFile, 'theirs']);
});

it('a folder of a version without marks is taken over: it holds nothing but folders of our form', async () => {
  mkdirSync(join(folder, '1'));
  mkdirSync(join(folder, 'lost+found'));
  expect(await (await OwnFolder.claim(folder, options)).list()).toEqual(['1']);
  expect(readFileSync(join(folder, markFile), 'utf8')).toMatch(/^attempts of this one\n/);
});

it.each([
  ['a name of somebody', () => writeFileSync(join(folder, 'results.csv'), '')],
  ['a file of our form', () => writeFileSync(join(folder, '1'), '')],
  ['a link of our form', () => symlinkSync('/', join(folder, '1'))],
])('%s and no mark: refused in words, and nothing is changed', async (_title, fill) => {
  mkdirSync(join(folder, '2'));
  fill();
  const before = readdirSync(folder);
  await expect(OwnFolder.claim(folder, options)).rejects.toThrow(
    /holds other things: (results\.csv|1)\. Nothing was changed\. Move/,
  );
  expect(readdirSync(folder)).toEqual(before);
});

it('is of one data directory: another one is told', async () => {
  await OwnFolder.claim(folder, options);
  await expect(OwnFolder.claim(folder, { ...options, owner: 'another' })).rejects.toThrow(
    /in use by another data directory/,
  );
  await expect(OwnFolder.claim(folder, { ...options, purpose: 'spools' })).rejects.toThrow(
    /"attempts of this one"/,
  );
});

it('may be reached by a link; its place is found once, and another folder in that place is left alone', async () => {
  symlinkSync(folder, join(root, 'link'));
  const own = await OwnFolder.claim(join(root, 'link'), options);
  mkdirSync(join(folder, '1'));
  renameSync(folder, join(root, 'aside'));
  mkdirSync(join(folder, '1'), { recursive: true });
  await expect(own.remove('1')).rejects.toThrow('another folder than at the start');
  await expect(own.list()).rejects.toThrow('another folder than at the start');
  expect(readdirSync(folder)).toEqual(['1']);
  expect(readdirSync(join(root, 'aside'))).toEqual([markFile, '1']);
});
