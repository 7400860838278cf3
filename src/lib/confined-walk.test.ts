import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { findInside, walkConfined } from './confined-walk.ts';

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
  symlinkSync('loop', join(home, 'loop'));
  symlinkSync(join(home, 'a'), join(home, 'absolute'));
  symlinkSync(join(root, 'home-of-others'), join(home, 'absolute-alike'));
  symlinkSync(home, join(root, 'link-to-home'));
});

afterAll(() => rmSync(root, { recursive: true }));

it.each([
  ['a/file', 'a/file'],
  ['/a/file', 'a/file'],
  ['./a/../a/file', 'a/file'],
  ['near', 'a/file'],
  ['absolute/file', 'a/file'],
  ['absolute/../near', 'a/file'],
  ['a', 'a'],
])('%j is there', async (path, real) => {
  expect(await findInside({ root: home }, path)).toEqual({ path: join(home, real) });
  expect(await findInside({ root: join(root, 'link-to-home') }, path)).toEqual({ path: join(home, real) });
});

it.each(['', '.', '/', 'a/..'])('%j is home itself', async (path) => {
  expect(await findInside({ root: home }, path)).toEqual({ path: home });
});

it.each([
  '..',
  '/..',
  '../home-of-others',
  '../nowhere',
  '../home/a/file',
  'absolute-alike',
  'out',
  'out/file',
  'a/../out/file',
  'by-a-link',
])('%j leads out', async (path) => {
  expect(await findInside({ root: home }, path)).toEqual({ problem: 'outside' });
});

it.each(['b', 'a/file/b', 'a/file/..', 'dangling', 'loop', 'a\0b', 'x'.repeat(256)])(
  'nothing is at %j',
  async (path) => {
    expect(await findInside({ root: home }, path)).toEqual({ problem: 'missing' });
  },
);

it('goes back where it came through, not to what is above by now', async () => {
  mkdirSync(join(home, 'moved', 'inner'), { recursive: true });
  mkdirSync(join(root, 'elsewhere'), { recursive: true });
  const place = await walkConfined({ root: home }, 'moved/inner/..', { follow: true });
  expect(place.name).toBeNull();
  expect(place.parts.map(String)).toEqual(['moved']);
  await place.close();
});

it('follows forty links, and not one more', async () => {
  symlinkSync('a', join(home, 'l0'));
  for (let i = 1; i <= 40; i += 1) symlinkSync(`l${i - 1}`, join(home, `l${i}`));
  expect(await findInside({ root: home }, 'l39/file')).toEqual({ path: join(home, 'a/file') });
  await expect(walkConfined({ root: home }, 'l40/file', { follow: true })).rejects.toMatchObject({
    code: 'too-many-links',
  });
});

it('goes 256 folders deep, and says so of more', async () => {
  const deep = 'd/'.repeat(257);
  mkdirSync(join(home, deep), { recursive: true });
  const place = await walkConfined({ root: home }, deep, { follow: false });
  expect(place.folders).toHaveLength(257);
  await place.close();
  await expect(walkConfined({ root: home }, `${deep}x`, { follow: false })).rejects.toMatchObject({
    code: 'too-long',
  });
});

it('enters no folder that is closed to who walks, and nothing hidden', async () => {
  const mayEnter = ({ mode }: { mode: number }): boolean => (mode & 0o001) !== 0;
  mkdirSync(join(home, 'closed', 'in'), { recursive: true, mode: 0o755 });
  chmodSync(join(home, 'closed'), 0o770);
  const isHidden = (name: Buffer): boolean => name.equals(Buffer.from('secret'));
  const go = (path: string) => walkConfined({ root: home, mayEnter, isHidden }, path, { follow: true });
  await expect(go('closed/in')).rejects.toMatchObject({ code: 'closed' });
  await expect(go('a/secret')).rejects.toMatchObject({ code: 'hidden' });
  symlinkSync('a/secret', join(home, 'to-secret'));
  await expect(go('to-secret')).rejects.toMatchObject({ code: 'hidden' });
});

it('cannot leave the folder it was given within the root, and takes no link for it', async () => {
  const base = [Buffer.from('a')];
  expect(await findInside({ root: home, base }, 'file')).toEqual({ path: join(home, 'a/file') });
  expect(await findInside({ root: home, base }, '../near')).toEqual({ problem: 'outside' });
  expect(await findInside({ root: home, base: [Buffer.from('absolute')] }, 'file')).toEqual({
    problem: 'missing',
  });
});
