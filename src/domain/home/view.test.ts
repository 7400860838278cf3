import { execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import {
  appendFileSync,
  chmodSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  statSync,
  symlinkSync,
  truncateSync,
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
  textOf,
  type HomeFolder,
} from '../../../test/support/home/home-folder.ts';
import { toShownName, type HomeView } from './ports.ts';

let folder: HomeFolder;
let view: HomeView;

beforeEach(async () => {
  folder = createHomeFolder(inMemory);
  view = await folder.view();
});
afterEach(() => folder.remove());

const at = (...parts: string[]): string => join(folder.path, ...parts);
/** `latin.txt` with é in Latin-1: no UTF-8. */
const latin = Buffer.from('lat\u00e9n.txt', 'latin1');
const latinPath = (): Buffer => Buffer.concat([Buffer.from(`${folder.path}/`), latin]);

describe('what is told of an entry', () => {
  it('is of what a link leads to, or of the link', async () => {
    writeFileSync(at('file'), '12345', { mode: 0o640 });
    linkSync(at('file'), at('other-name'));
    symlinkSync('file', at('link'));
    const { uid, gid, mtimeMs, mode } = statSync(at('file'));
    const facts = {
      kind: 'file',
      sizeBytes: 5,
      mode: mode & 0o7777,
      uid,
      gid,
      linkCount: 2,
      linkTarget: null,
    };
    expect(await view.stat('link')).toMatchObject({ ...facts, name: Buffer.from('file'), isPart: false });
    expect(Math.abs((await view.stat('file')).modifiedMs - mtimeMs)).toBeLessThan(1);
    expect(await view.lstat('link')).toMatchObject({ kind: 'link', linkTarget: Buffer.from('file') });
    expect((await view.stat('file')).unique).toBe((await view.stat('other-name')).unique);
    expect((await view.lstat('link')).unique).not.toBe((await view.stat('link')).unique);
  });

  it('is a kind of its own for a pipe', async () => {
    execFileSync('mkfifo', [at('pipe')]);
    expect(await view.stat('pipe')).toMatchObject({ kind: 'other' });
    expect((await all(await view.list('/'))).map(({ kind }) => kind)).toEqual(['other']);
  });
});

it('who waits to write into a pipe goes on waiting when it is asked for as a file', async () => {
  execFileSync('mkfifo', [at('pipe')]);
  const writer = spawn('sh', ['-c', 'echo ready; exec 3> pipe; touch opened'], { cwd: folder.path });
  await once(writer.stdout, 'data');
  for (let i = 0; i < 100; i += 1) {
    expect(await codeOf(view.openFile('pipe'))).toBe('refused');
    expect(await codeOf(view.hash('pipe'))).toBe('refused');
    expect(await codeOf(view.beginUpload('pipe', { mode: 'append' }))).toBe('refused');
  }
  writer.kill('SIGKILL');
  await once(writer, 'close');
  expect(readdirSync(folder.path)).toEqual(['pipe']);
});

describe('a listing', () => {
  it('holds each entry once, links as links, the hidden folder never', async () => {
    await put(view, 'file', 'x');
    mkdirSync(at('folder'));
    symlinkSync('../outside', at('link'));
    const entries = await all(await view.list('/'));
    const told = entries.map(
      ({ name, kind, linkTarget }) => `${name.toString()} ${kind} ${linkTarget?.toString() ?? ''}`,
    );
    expect(told.sort()).toEqual(['file file ', 'folder folder ', 'link link ../outside']);
    expect((await all(await view.listNames('/'))).map(String).sort()).toEqual(['file', 'folder', 'link']);
  });

  it(
    'of 50 000 entries comes a few at a time, and can be left in the middle',
    { timeout: 60_000 },
    async () => {
      execFileSync('sh', ['-c', 'seq 50000 | xargs touch'], { cwd: folder.path });
      const before = descriptors();
      const seen = new Set<string>();
      for await (const { name } of await view.list('/')) seen.add(name.toString());
      expect(seen.size).toBe(50_000);
      for await (const _ of await view.listNames('/')) break;
      const unread = await view.list('/');
      await unread.close();
      await unread.close();
      expect(descriptors()).toBe(before);
    },
  );

  it('goes on when entries vanish and its folder is moved away meanwhile', async () => {
    mkdirSync(at('d'));
    for (let i = 0; i < 1_000; i += 1) writeFileSync(at('d', `f${i}`), '');
    const listing = await view.list('d');
    renameSync(at('d'), at('e'));
    let count = 0;
    for await (const { name } of listing) {
      if (count === 0)
        execFileSync('find', [at('e'), '-name', 'f?', '!', '-name', name.toString(), '-delete']);
      count += 1;
    }
    expect(count).toBeGreaterThanOrEqual(990);
  });

  function descriptors(): number {
    return readdirSync('/proc/self/fd').length;
  }
});

describe('a name that is no UTF-8', () => {
  it('is listed, and leads back to its very file', async () => {
    writeFileSync(latinPath(), 'latin');
    const [entry] = await all(await view.list('/'));
    expect(entry?.name).toEqual(latin);
    expect(toShownName(latin)).toBe('lat\ufffdn.txt');
    expect(await textOf(view, latin)).toBe('latin');
    expect(await view.stat(latin)).toMatchObject({ sizeBytes: 5, name: latin });
    await view.rename(latin, 'utf8.txt');
    expect(readdirSync(folder.path)).toEqual(['utf8.txt']);
    await put(view, latin, 'back');
    expect(readFileSync(latinPath(), 'utf8')).toBe('back');
    await view.removeFile(latin);
    expect(readdirSync(folder.path).sort()).toEqual(['.daybook-uploads', 'utf8.txt']);
  });

  it('can be of a folder and of a broken upload in it', async () => {
    await view.makeFolder(latin);
    const path = Buffer.concat([latin, Buffer.from('/'), latin]);
    const upload = await view.beginUpload(path, { mode: 'replace' });
    await upload.write(Buffer.from('half'));
    await upload.keep();
    expect(await view.stat(path)).toMatchObject({ isPart: true, sizeBytes: 4, name: latin });
    expect(await all(await view.list(latin))).toMatchObject([{ isPart: true, name: latin }]);
    expect(await view.resolveFolder(latin)).toEqual(Buffer.concat([Buffer.from('/'), latin]));
  });
});

describe('names of the same letters', () => {
  it('are two files when they are composed differently', async () => {
    await put(view, '\u00e9', 'composed');
    await put(view, 'e\u0301', 'decomposed');
    expect(await textOf(view, '\u00e9')).toBe('composed');
    expect(await textOf(view, 'e\u0301')).toBe('decomposed');
  });
});

describe('a file that is read', () => {
  const read = async (range?: { first?: number; end?: number }): Promise<string> => {
    const file = await view.openFile('file');
    try {
      return Buffer.concat(await all(file.bytes(range))).toString();
    } finally {
      await file.close();
    }
  };
  beforeEach(() => writeFileSync(at('file'), '0123456789'));

  it.each([
    [{}, '0123456789'],
    [{ first: 4 }, '456789'],
    [{ first: 4, end: 6 }, '45'],
    [{ end: 100 }, '0123456789'],
    [{ first: 10 }, ''],
    [{ first: 11 }, ''],
  ])('in the range %j', async (range, expected) => expect(await read(range)).toBe(expected));

  it('gives what it held when it was opened: no more when it grows, all when another takes its name', async () => {
    const file = await view.openFile('file');
    appendFileSync(at('file'), 'more');
    expect(file.sizeBytes).toBe(10);
    await put(view, 'file', 'another');
    expect(Buffer.concat(await all(file.bytes())).toString()).toBe('0123456789');
    await file.close();
    await file.close();
  });

  it('and cut meanwhile is no whole one', async () => {
    writeFileSync(at('file'), Buffer.alloc(1_000_000));
    const file = await view.openFile('file');
    const pieces = file.bytes();
    await pieces.next();
    truncateSync(at('file'), 300_000);
    expect(await codeOf(all(pieces))).toBe('changed');
    await file.close();
  });

  it('is told from other bytes of the same size by its validator', async () => {
    const validator = async (): Promise<string> => {
      const file = await view.openFile('file');
      await file.close();
      return file.validator;
    };
    const before = await validator();
    expect(await validator()).toBe(before);
    await put(view, 'file', 'abcdefghij');
    expect(await validator()).not.toBe(before);
  });

  it('stops when the reader gives up', async () => {
    const file = await view.openFile('file');
    await expect(all(file.bytes({ signal: AbortSignal.abort() }))).rejects.toThrow('aborted');
    await file.close();
  });

  it('has the hash of its bytes, or of some of them', async () => {
    const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
    expect(await view.hash('file')).toBe(sha256('0123456789'));
    expect(await view.hash('file', { first: 2, end: 5 })).toBe(sha256('234'));
  });
});

describe('a rename', () => {
  beforeEach(() => {
    mkdirSync(at('d', 'e'), { recursive: true });
    writeFileSync(at('one'), '1');
    writeFileSync(at('two'), '2');
  });

  it('replaces a file', async () => {
    await view.rename('one', 'two');
    expect(readFileSync(at('two'), 'utf8')).toBe('1');
    expect(await codeOf(view.stat('one'))).toBe('not-found');
  });

  it('moves a folder with what is in it, never into itself', async () => {
    expect(await codeOf(view.rename('d', 'd/e/d'))).toBe('refused');
    await view.rename('d', 'moved');
    expect(readdirSync(at('moved'))).toEqual(['e']);
  });

  it('replaces an empty folder by a folder, no other', async () => {
    mkdirSync(at('empty'));
    mkdirSync(at('full', 'x'), { recursive: true });
    await view.rename('d', 'empty');
    expect(readdirSync(at('empty'))).toEqual(['e']);
    expect(await codeOf(view.rename('empty', 'full'))).toBe('not-empty');
    expect(await codeOf(view.rename('one', 'full'))).toBe('is-folder');
    expect(await codeOf(view.rename('full', 'one'))).toBe('not-folder');
  });

  it('moves a link as it stands, and takes the place of a link that leads inside', async () => {
    symlinkSync('one', at('link'));
    symlinkSync('two', at('other'));
    await view.rename('link', 'd/link');
    expect(readlinkSync(at('d', 'link'))).toBe('one');
    await view.rename('one', 'other');
    expect(readFileSync(at('two'), 'utf8')).toBe('2');
    expect(readFileSync(at('other'), 'utf8')).toBe('1');
  });
});

describe('times and modes', () => {
  it('are those of the file that a link leads to', async () => {
    writeFileSync(at('file'), '');
    symlinkSync('file', at('link'));
    await view.setModified('link', 1_530_000_000_123);
    await view.setMode('link', 0o604);
    expect(await view.stat('file')).toMatchObject({ modifiedMs: 1_530_000_000_123, mode: 0o604 });
  });

  it('before 1970 and far ahead are kept', async () => {
    writeFileSync(at('file'), '');
    for (const ms of [-86_400_000, 4_102_444_800_000]) {
      await view.setModified('file', ms);
      expect((await view.stat('file')).modifiedMs).toBe(ms);
    }
    expect(await codeOf(view.setModified('file', Number.NaN))).toBe('refused');
  });

  it.each([0o4755, 0o2755, 0o1777, -1, 1.5, Number.NaN])('%d is no mode', async (mode) => {
    writeFileSync(at('file'), '', { mode: 0o600 });
    expect(await codeOf(view.setMode('file', mode))).toBe('refused');
    expect(statSync(at('file')).mode & 0o7777).toBe(0o600);
  });

  it('of a folder leave it handing its group on', async () => {
    mkdirSync(at('d'));
    chmodSync(at('d'), 0o2775);
    await view.setMode('d', 0o755);
    expect(statSync(at('d')).mode & 0o7777).toBe(0o2755);
  });
});

it('says how much room there is', async () => {
  const { freeBytes, totalBytes } = await view.freeSpace();
  expect(freeBytes).toBeGreaterThan(0);
  expect(totalBytes).toBeGreaterThanOrEqual(freeBytes);
});

it('the folder of a view is made when it is not there', async () => {
  const own = await folder.view({ folder: 'ana' });
  await put(own, 'a.txt', 'mine');
  expect(readFileSync(at('ana', 'a.txt'), 'utf8')).toBe('mine');
  expect(statSync(at('ana')).mode & 0o777).toBe(0o700);
  expect((await all(await own.listNames('/'))).map(String)).toEqual(['a.txt']);
});
