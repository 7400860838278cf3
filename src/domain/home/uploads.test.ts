import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  all,
  codeOf,
  createHomeFolder,
  inMemory,
  put,
  send,
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
const names = async (view: HomeView, path = '/'): Promise<string[]> =>
  (await all(await view.list(path)))
    .map(({ name, isPart }) => `${name.toString()}${isPart ? ' (part)' : ''}`)
    .sort();

describe('an upload', () => {
  it('stands under its name when it is committed, and nowhere before; nothing is left of it', async () => {
    const upload = await send(ana, 'a.txt', 'one', 'two');
    expect(readdirSync(folder.path)).toEqual(['.daybook-uploads']);
    expect(await names(ben)).toEqual([]);
    expect(await upload.commit()).toMatchObject({ name: Buffer.from('a.txt'), sizeBytes: 6, kind: 'file' });
    expect(there('a.txt')).toBe('onetwo');
    expect(folder.hidden()).toEqual([]);
  });

  it('of no byte is an empty file', async () => {
    await (await ana.beginUpload('empty', { mode: 'replace' })).commit();
    expect(there('empty')).toBe('');
  });

  it('lies where only the server gets', async () => {
    const upload = await send(ana, 'a.txt', 'secret');
    expect(lstatSync(join(folder.path, '.daybook-uploads')).mode & 0o777).toBe(0o700);
    await upload.discard();
  });

  it('leaves the old file as it is when it breaks off', async () => {
    await put(ana, 'a.txt', 'old');
    await (await send(ana, 'a.txt', 'half')).keep();
    expect(there('a.txt')).toBe('old');
    expect(await names(ana)).toEqual(['a.txt']);
    expect(await ana.stat('a.txt')).toMatchObject({ isPart: false, sizeBytes: 3 });
  });

  it('that is discarded, or broke off before its first byte, leaves nothing', async () => {
    await (await send(ana, 'a.txt', 'half')).discard();
    await (await send(ana, 'b.txt')).keep();
    expect(folder.hidden()).toEqual([]);
    expect(await names(ana)).toEqual([]);
  });

  it('ends once: what follows is refused or does nothing', async () => {
    const upload = await send(ana, 'a.txt', 'whole');
    await upload.commit();
    await upload.keep();
    await upload.discard();
    expect(await codeOf(upload.write(Buffer.from('more')))).toBe('busy');
    expect(await codeOf(upload.commit())).toBe('busy');
    expect(there('a.txt')).toBe('whole');
  });

  it('is the last complete one of two, whole', async () => {
    const first = await send(ana, 'a.txt', 'aaaa');
    const second = await send(ben, 'a.txt', 'b');
    await first.write(Buffer.from('AAAA'));
    await second.write(Buffer.from('B'));
    await second.commit();
    expect(there('a.txt')).toBe('bB');
    await first.commit();
    expect(there('a.txt')).toBe('aaaaAAAA');
  });

  it('goes where its folder is by now, or nowhere', async () => {
    mkdirSync(join(folder.path, 'd'));
    const upload = await send(ana, 'd/a.txt', 'whole');
    renameSync(join(folder.path, 'd'), join(folder.root, 'outside'));
    expect(await codeOf(upload.commit())).toBe('not-found');
    expect(readdirSync(join(folder.root, 'outside'))).toEqual([]);
    mkdirSync(join(folder.path, 'd'));
    expect(await names(ana, 'd')).toEqual(['a.txt (part)']);
  });

  it('is refused at the end when a folder took its name, and stays resumable', async () => {
    const upload = await send(ana, 'a.txt', 'whole');
    mkdirSync(join(folder.path, 'a.txt'));
    expect(await codeOf(upload.commit())).toBe('is-folder');
    rmSync(join(folder.path, 'a.txt'), { recursive: true });
    expect(await ana.stat('a.txt')).toMatchObject({ isPart: true, sizeBytes: 5 });
  });

  it('under a name of ours replaces nothing', async () => {
    mkdirSync(join(folder.path, 'd'));
    const [one, two] = [
      await ana.beginUpload('d', { mode: 'unique' }),
      await ana.beginUpload('d', { mode: 'unique' }),
    ];
    await one.write(Buffer.from('1'));
    await two.write(Buffer.from('2'));
    writeFileSync(join(folder.path, 'd', one.name.toString()), 'mine');
    expect(await codeOf(one.commit())).toBe('exists');
    await two.commit();
    expect(there(`d/${one.name.toString()}`)).toBe('mine');
    expect(there(`d/${two.name.toString()}`)).toBe('2');
    expect(folder.hidden()).toEqual([]);
  });

  it('is refused when what it would lie in is not ours', async () => {
    mkdirSync(join(folder.path, '.daybook-uploads'), { mode: 0o777 });
    chmodSync(join(folder.path, '.daybook-uploads'), 0o777);
    expect(await codeOf(send(ana, 'a.txt', 'x'))).toBe('refused');
    rmSync(join(folder.path, '.daybook-uploads'), { recursive: true });
    symlinkSync(folder.root, join(folder.path, '.daybook-uploads'));
    expect(await codeOf(send(ana, 'a.txt', 'x'))).toBe('refused');
    expect(readdirSync(folder.root)).toEqual(['home']);
  });
});

describe('a broken upload', () => {
  beforeEach(async () => (await send(ana, 'a.txt', '0123456789')).keep());

  it('is seen by its account alone, under its real name, and by no program', async () => {
    expect(await ana.stat('a.txt')).toMatchObject({ sizeBytes: 10, isPart: true, kind: 'file' });
    expect(await ana.lstat('/a.txt')).toMatchObject({ isPart: true });
    expect(await names(ana)).toEqual(['a.txt (part)']);
    expect(await codeOf(ben.stat('a.txt'))).toBe('not-found');
    expect(await names(ben)).toEqual([]);
    expect(readdirSync(folder.path)).toEqual(['.daybook-uploads']);
  });

  it('cannot be read, renamed, hashed or changed, and says why', async () => {
    await expect(ana.openFile('a.txt')).rejects.toMatchObject({
      code: 'incomplete',
      message: 'a.txt: this upload is not complete; go on with it first, or delete it.',
    });
    expect(await codeOf(ana.rename('a.txt', 'b.txt'))).toBe('incomplete');
    expect(await codeOf(ana.hash('a.txt'))).toBe('incomplete');
    expect(await codeOf(ana.setMode('a.txt', 0o600))).toBe('incomplete');
    expect(await codeOf(ana.setModified('a.txt', 0))).toBe('incomplete');
    expect(await codeOf(ben.openFile('a.txt'))).toBe('not-found');
    expect(await codeOf(ben.removeFile('a.txt'))).toBe('not-found');
  });

  it('goes on by append', async () => {
    const upload = await ana.beginUpload('a.txt', { mode: 'append' });
    expect(upload.sizeBytes).toBe(10);
    await upload.write(Buffer.from('abc'));
    await upload.commit();
    expect(there('a.txt')).toBe('0123456789abc');
    expect(folder.hidden()).toEqual([]);
  });

  it('goes on at an offset, what came behind it is gone', async () => {
    const upload = await ana.beginUpload('a.txt', { mode: 'replace', offset: 4 });
    expect(upload.sizeBytes).toBe(4);
    await upload.write(Buffer.from('abc'));
    await upload.keep();
    expect(await ana.stat('a.txt')).toMatchObject({ sizeBytes: 7 });
    await (await ana.beginUpload('a.txt', { mode: 'append' })).commit();
    expect(there('a.txt')).toBe('0123abc');
  });

  it('does not go on behind its end, nor for others', async () => {
    expect(await codeOf(ana.beginUpload('a.txt', { mode: 'replace', offset: 11 }))).toBe('bad-offset');
    expect(await codeOf(ben.beginUpload('a.txt', { mode: 'replace', offset: 4 }))).toBe('bad-offset');
    expect(await ana.stat('a.txt')).toMatchObject({ sizeBytes: 10 });
    const other = await ben.beginUpload('a.txt', { mode: 'append' });
    expect(other.sizeBytes).toBe(0);
    await other.discard();
  });

  it('goes when the same is sent from the beginning', async () => {
    await put(ana, 'a.txt', 'all');
    expect(there('a.txt')).toBe('all');
    expect(folder.hidden()).toEqual([]);
  });

  it('is replaced by a later one that broke', async () => {
    await (await send(ana, 'a.txt', 'later')).keep();
    expect(await ana.stat('a.txt')).toMatchObject({ sizeBytes: 5 });
    expect(folder.hidden()).toHaveLength(1);
  });

  it('is not there while a file of that name is; that one is gone on with, on a copy', async () => {
    await put(ben, 'a.txt', 'of ben');
    expect(await names(ana)).toEqual(['a.txt']);
    expect(await ana.stat('a.txt')).toMatchObject({ isPart: false, sizeBytes: 6 });
    const upload = await ana.beginUpload('a.txt', { mode: 'replace', offset: 3 });
    await upload.write(Buffer.from('x'));
    expect(there('a.txt')).toBe('of ben');
    await upload.keep();
    expect(there('a.txt')).toBe('of ben');
    expect(folder.hidden()).toHaveLength(1);
  });

  it('is removed by its account', async () => {
    await ana.removeFile('a.txt');
    expect(await names(ana)).toEqual([]);
    expect(folder.hidden()).toEqual([]);
  });

  it('is found by a later life of the server', async () => {
    const { createHome } = await import('./home.ts');
    const { silentLogger } = await import('../../lib/logger.ts');
    const later = createHome(folder.path, silentLogger);
    const view = await later.view({ account: 'ana', ids: null, isReadOnly: false, folder: null });
    expect(await view.stat('a.txt')).toMatchObject({ sizeBytes: 10, isPart: true });
    await (await view.beginUpload('a.txt', { mode: 'append' })).commit();
    expect(there('a.txt')).toBe('0123456789');
  });

  it('in a folder is shown there, in no other', async () => {
    mkdirSync(join(folder.path, 'd'));
    await (await send(ana, 'd/b.txt', 'half')).keep();
    symlinkSync('d', join(folder.path, 'link'));
    expect(await names(ana, 'd')).toEqual(['b.txt (part)']);
    expect(await names(ana, 'link')).toEqual(['b.txt (part)']);
    expect(await names(ana)).toEqual(['a.txt (part)', 'd', 'link']);
  });

  it('stays a day, not longer', async () => {
    await folder.home.sweep();
    expect(await ana.stat('a.txt')).toMatchObject({ isPart: true });
    const yesterday = Date.now() / 1000 - 86_500;
    const [id = ''] = folder.hidden();
    utimesSync(hiddenFile('a.txt'), yesterday, yesterday);
    utimesSync(join(folder.path, '.daybook-uploads', id), yesterday, yesterday);
    await folder.home.sweep();
    expect(folder.hidden()).toEqual([]);
    expect(await codeOf(ana.stat('a.txt'))).toBe('not-found');
  });

  it('that is under way is not swept, however old', async () => {
    const upload = await ana.beginUpload('a.txt', { mode: 'append' });
    const [id = ''] = folder.hidden();
    utimesSync(hiddenFile('a.txt'), 1, 1);
    utimesSync(join(folder.path, '.daybook-uploads', id), 1, 1);
    await folder.home.sweep();
    await upload.commit();
    expect(there('a.txt')).toBe('0123456789');
  });

  function hiddenFile(name: string): string {
    const [id = ''] = folder.hidden();
    return join(folder.path, '.daybook-uploads', id, name);
  }
});

it('who connects anew goes on, and ends the upload of the connection before', async () => {
  const before = await send(ana, 'a.txt', '0123456789');
  const after = await ana.beginUpload('a.txt', { mode: 'replace', offset: 8 });
  expect(await codeOf(before.write(Buffer.from('XXXX')))).toBe('busy');
  expect(await codeOf(before.commit())).toBe('busy');
  await before.keep();
  await before.discard();
  await after.write(Buffer.from('89ab'));
  await after.commit();
  expect(there('a.txt')).toBe('0123456789ab');
});
