import {
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  codeOf,
  createHomeFolder,
  inMemory,
  put,
  send,
  textOf,
  type HomeFolder,
} from '../../../test/support/home/home-folder.ts';
import type { HomeView } from './ports.ts';

let folder: HomeFolder;
let ana: HomeView;
let ben: HomeView;

beforeEach(async () => {
  folder = createHomeFolder(inMemory);
  ana = await folder.view();
  ben = await folder.view({ account: 'ben' });
});
afterEach(() => folder.remove());

const there = (path: string): string => readFileSync(join(folder.path, path), 'utf8');

describe('replacing a file', () => {
  it('keeps its mode, but never lets other bytes run as its owner', async () => {
    await put(ana, 'a.sh', 'old');
    chmodSync(join(folder.path, 'a.sh'), 0o4751);
    await put(ana, 'a.sh', 'new');
    expect(statSync(join(folder.path, 'a.sh')).mode & 0o7777).toBe(0o751);
  });

  it('by a link writes what the link leads to, and the link stays', async () => {
    mkdirSync(join(folder.path, 'd'));
    writeFileSync(join(folder.path, 'd', 'target'), 'old');
    symlinkSync('d/target', join(folder.path, 'link'));
    await put(ana, 'link', 'new');
    expect(lstatSync(join(folder.path, 'link')).isSymbolicLink()).toBe(true);
    expect(there('d/target')).toBe('new');
  });

  it('by a link that dangles makes the file that it names', async () => {
    symlinkSync('d/target', join(folder.path, 'link'));
    expect(await codeOf(send(ana, 'link', 'new'))).toBe('not-found');
    mkdirSync(join(folder.path, 'd'));
    await put(ana, 'link', 'new');
    expect(there('d/target')).toBe('new');
  });

  it.each(['longer than the old', 'short', ''])(
    'shows the new bytes under all its names: %j',
    async (text) => {
      writeFileSync(join(folder.path, 'a'), 'the old bytes');
      chmodSync(join(folder.path, 'a'), 0o640);
      linkSync(join(folder.path, 'a'), join(folder.path, 'b'));
      const { ino } = statSync(join(folder.path, 'a'));
      await put(ana, 'a', text);
      expect(there('b')).toBe(text);
      expect(statSync(join(folder.path, 'a'))).toMatchObject({ ino, nlink: 2, mode: 0o100640 });
      expect(folder.hidden()).toEqual([]);
    },
  );

  it('is finished at the next start for a file of several names', async () => {
    writeFileSync(join(folder.path, 'a'), 'the old bytes');
    linkSync(join(folder.path, 'a'), join(folder.path, 'b'));
    const { dev, ino } = statSync(join(folder.path, 'a'));
    const place = join(folder.path, '.daybook-uploads');
    mkdirSync(join(place, 'into.1'), { recursive: true, mode: 0o700 });
    writeFileSync(join(place, 'into.1', 'a'), 'new');
    const record = { dev: `${dev}`, ino: `${ino}`, path: Buffer.from('/a').toString('base64') };
    writeFileSync(join(place, 'target.1'), JSON.stringify(record));
    writeFileSync(join(folder.path, 'a'), 'new old bytes and half of');
    await folder.home.sweep();
    expect([there('a'), there('b')]).toEqual(['new', 'new']);
    expect(folder.hidden()).toEqual([]);
  });
});

describe('an append', () => {
  it('goes behind what is there, which stays as it is until then', async () => {
    await put(ana, 'log', 'one\n');
    const upload = await ana.beginUpload('log', { mode: 'append' });
    await upload.write(Buffer.from('two\n'));
    expect(there('log')).toBe('one\n');
    await upload.commit();
    expect(there('log')).toBe('one\ntwo\n');
    expect(existsSync(join(folder.path, '.daybook-uploads'))).toBe(true);
    expect(folder.hidden()).toEqual([]);
  });

  it('loses nothing that another appended meanwhile, nor does one to a file that was not there', async () => {
    const [one, two] = [
      await ana.beginUpload('log', { mode: 'append' }),
      await ben.beginUpload('log', { mode: 'append' }),
    ];
    await one.write(Buffer.from('one\n'));
    await two.write(Buffer.from('two\n'));
    await two.commit();
    const three = await ben.beginUpload('log', { mode: 'append' });
    await three.write(Buffer.from('three\n'));
    await one.commit();
    await three.commit();
    expect(there('log')).toBe('two\none\nthree\n');
    expect(folder.hidden()).toEqual([]);
  });

  it('that breaks off leaves the file, and no copy of it', async () => {
    await put(ana, 'log', 'one\n');
    const upload = await ana.beginUpload('log', { mode: 'append' });
    await upload.write(Buffer.from('two\n'));
    await upload.keep();
    expect(there('log')).toBe('one\n');
    expect(folder.hidden()).toEqual([]);
  });

  it('to a file of several names is seen under each', async () => {
    writeFileSync(join(folder.path, 'a'), 'one\n');
    linkSync(join(folder.path, 'a'), join(folder.path, 'b'));
    const upload = await ana.beginUpload('a', { mode: 'append' });
    await upload.write(Buffer.from('two\n'));
    await upload.commit();
    expect(there('b')).toBe('one\ntwo\n');
  });
});

it('replaces from an offset on a copy', async () => {
  await put(ana, 'a', '0123456789');
  expect(await codeOf(ana.beginUpload('a', { mode: 'replace', offset: 11 }))).toBe('bad-offset');
  expect(await codeOf(ana.beginUpload('a', { mode: 'append', offset: 1 }))).toBe('bad-offset');
  expect(await codeOf(ana.beginUpload('a', { mode: 'replace', offset: -1 }))).toBe('bad-offset');
  const upload = await ana.beginUpload('a', { mode: 'replace', offset: 4 });
  await upload.write(Buffer.from('x'));
  await upload.commit();
  expect(there('a')).toBe('0123x');
  expect(await textOf(ana, 'a')).toBe('0123x');
});
