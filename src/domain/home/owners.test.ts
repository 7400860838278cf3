/** Where programs run as somebody else: what a view makes is theirs, and it does no more than they could. */
import { chmodSync, chownSync, linkSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  all,
  codeOf,
  createHomeFolder,
  inMemory,
  put,
  send,
  textOf,
  type HomeFolder,
} from '../../../test/support/home/home-folder.ts';
import type { HomeView } from './ports.ts';

const ana = { uid: 1_879_100_001, gid: 65_534 };
const ben = { uid: 1_879_100_002, gid: 65_534 };

describe.runIf(process.getuid?.() === 0)('as root', () => {
  let folder: HomeFolder;
  let view: HomeView;

  beforeEach(async () => {
    folder = createHomeFolder(inMemory);
    chmodSync(folder.root, 0o755);
    chownSync(folder.path, 65_534, 65_534);
    chmodSync(folder.path, 0o2775);
    view = await folder.view({ ids: ana });
  });
  afterEach(() => folder.remove());

  const at = (...parts: string[]): string => join(folder.path, ...parts);
  const ownerOf = (path: string): unknown => {
    const { uid, gid, mode } = statSync(at(path));
    return { uid, gid, mode: mode & 0o7777 };
  };
  const make = (path: string, owner: { uid: number; gid: number }, mode: number): void => {
    writeFileSync(at(path), 'bytes');
    chownSync(at(path), owner.uid, owner.gid);
    chmodSync(at(path), mode);
  };

  it('files and folders belong to the account, and its group may change them', async () => {
    await view.makeFolder('d');
    await put(view, 'd/file', 'x');
    expect(ownerOf('d')).toEqual({ ...ana, mode: 0o2775 });
    expect(ownerOf('d/file')).toEqual({ ...ana, mode: 0o664 });
    expect(folder.hidden()).toEqual([]);
    expect(await codeOf(view.makeFolder('d'))).toBe('exists');
  });

  it('no program gets to an upload that is under way', async () => {
    const upload = await send(view, 'file', 'half');
    await upload.keep();
    const { uid, mode } = statSync(at('.daybook-uploads'));
    expect({ uid, mode: mode & 0o777 }).toEqual({ uid: 0, mode: 0o700 });
    expect(await view.stat('file')).toMatchObject({ isPart: true, ...ana });
  });

  it('a file that is replaced stays its owner’s', async () => {
    make('of-ben', ben, 0o640);
    await put(view, 'of-ben', 'new');
    expect(ownerOf('of-ben')).toEqual({ ...ben, mode: 0o640 });
  });

  it('what is closed to its programs is closed to the view', async () => {
    make('closed', ben, 0o600);
    make('readable', ben, 0o644);
    mkdirSync(at('ours'), { mode: 0o755 });
    make('ours/file', ben, 0o666);
    mkdirSync(at('private'), { mode: 0o700 });
    for (const attempt of [
      () => view.openFile('closed'),
      () => view.hash('closed'),
      () => view.beginUpload('closed', { mode: 'append' }),
      () => view.setMode('readable', 0o666),
      () => view.setModified('readable', 0),
      () => view.beginUpload('readable', { mode: 'append' }),
      () => view.beginUpload('ours/new', { mode: 'replace' }),
      () => view.beginUpload('ours/file', { mode: 'replace' }),
      () => view.beginUpload('ours', { mode: 'unique' }),
      () => view.makeFolder('ours/new'),
      () => view.removeFile('ours/file'),
      () => view.rename('ours/file', 'mine'),
      () => view.rename('readable', 'ours/mine'),
      () => view.list('private'),
      () => view.stat('private/x'),
      () => view.resolveFolder('private'),
    ])
      expect(await codeOf(attempt())).toBe('denied');
    expect(await textOf(view, 'readable')).toBe('bytes');
    expect(await all(await view.listNames('ours'))).toHaveLength(1);
    expect(folder.hidden()).toEqual([]);
  });

  it('in a sticky folder others’ entries stay', async () => {
    mkdirSync(at('shared'));
    chmodSync(at('shared'), 0o1777);
    make('shared/of-ben', ben, 0o666);
    expect(await codeOf(view.removeFile('shared/of-ben'))).toBe('denied');
    expect(await codeOf(view.rename('shared/of-ben', 'mine'))).toBe('denied');
    expect(await codeOf(view.beginUpload('shared/of-ben', { mode: 'replace' }))).toBe('denied');
    await put(view, 'shared/mine', 'x');
    await view.removeFile('shared/mine');
  });

  it('a hard link to a file outside gives no right to its bytes', async () => {
    const outside = join(folder.root, 'outside');
    writeFileSync(outside, 'precious', { mode: 0o600 });
    linkSync(outside, at('link'));
    expect(await codeOf(view.openFile('link'))).toBe('denied');
    expect(await codeOf(view.beginUpload('link', { mode: 'append' }))).toBe('denied');
    expect(await codeOf(put(view, 'link', 'forged'))).toBe('denied');
    expect(readFileSync(outside, 'utf8')).toBe('precious');
  });

  it('set-user-ID is taken from a file of several names before other bytes are in it', async () => {
    make('a', ben, 0o4775);
    linkSync(at('a'), at('b'));
    await put(view, 'a', 'other');
    expect(ownerOf('b')).toEqual({ ...ben, mode: 0o775 });
    expect(readFileSync(at('b'), 'utf8')).toBe('other');
  });

  it('the folder of an account is closed to the programs of others', async () => {
    const own = await folder.view({ ids: ana, folder: 'ana' });
    expect(ownerOf('ana')).toMatchObject({ uid: ana.uid, mode: 0o700 });
    await put(own, 'mine', 'x');
    const others = await folder.view({ ids: ben, folder: 'ana' });
    expect(await codeOf(others.list('/'))).toBe('denied');
  });
});
