import { execFileSync, spawn } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  linkSync,
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
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FolderHandle } from './folder-handle.ts';
import { MountInTheWay, removeEmptyFolder, removeEntry, removeFile, removeTree } from './remove.ts';

let root = '';
let victim = '';

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'daybook-remove-'));
  victim = join(root, 'victim');
  mkdirSync(victim);
  writeFileSync(join(victim, 'file'), 'precious');
});
afterEach(() => {
  expect(readFileSync(join(victim, 'file'), 'utf8')).toBe('precious');
  rmSync(root, { recursive: true });
});

describe('a tree', () => {
  it('goes with all that is in it, links and odd names included, and what links lead to stays', async () => {
    const tree = join(root, 'tree');
    mkdirSync(join(tree, 'sub', 'deeper'), { recursive: true });
    writeFileSync(Buffer.concat([Buffer.from(`${tree}/latin`), Buffer.from([0xe9])]), '');
    writeFileSync(join(tree, 'sub', 'new\nline'), '');
    symlinkSync(victim, join(tree, 'to-folder'));
    symlinkSync(join(victim, 'file'), join(tree, 'sub', 'to-file'));
    linkSync(join(victim, 'file'), join(tree, 'hard'));
    execFileSync('mkfifo', [join(tree, 'sub', 'fifo')]);
    await removeTree(root, 'tree');
    expect(readdirSync(root)).toEqual(['victim']);
  });

  it('that is a link itself goes alone', async () => {
    symlinkSync(victim, join(root, 'link'));
    await removeTree(root, 'link');
    expect(existsSync(join(root, 'link'))).toBe(false);
  });

  it('that is not there, or whose folder is not, is fine', async () => {
    await removeTree(root, 'nothing');
    await removeTree(join(root, 'nothing'), 'nothing');
    expect(readdirSync(root)).toEqual(['victim']);
  });

  it.each(['', '.', '..', 'victim/file', '../x'])('is one entry of its folder, not %j', async (name) => {
    await expect(removeTree(root, name)).rejects.toThrow('is no name of an entry');
  });

  it('goes from where its folder really is', async () => {
    mkdirSync(join(root, 'disk', 'tree'), { recursive: true });
    symlinkSync(join(root, 'disk'), join(root, 'link'));
    await removeTree(join(root, 'link'), 'tree');
    expect(readdirSync(join(root, 'disk'))).toEqual([]);
  });

  it('nested deeper than any path may be long goes, too', async () => {
    // Longer than any path may be: made step by step, from within.
    const script =
      'import os, sys\nos.chdir(sys.argv[1])\nfor i in range(300):\n os.mkdir("d"*200); os.chdir("d"*200)\nopen("f", "w")';
    execFileSync('python3', ['-c', script, root]);
    await removeTree(root, 'd'.repeat(200));
    expect(readdirSync(root)).toEqual(['victim']);
  });

  it('closed to its owner goes', async () => {
    mkdirSync(join(root, 'tree', 'closed'), { recursive: true });
    writeFileSync(join(root, 'tree', 'closed', 'file'), '');
    chmodSync(join(root, 'tree', 'closed'), 0);
    chmodSync(join(root, 'tree'), 0o500);
    await removeTree(root, 'tree');
    expect(readdirSync(root)).toEqual(['victim']);
  });
});

describe('a folder that is swapped for a link while it is worked in', () => {
  it('is left as it was meant: what is held open is what is changed', async () => {
    const middle = join(root, 'middle');
    mkdirSync(join(middle, 'file'), { recursive: true });
    const handle = await FolderHandle.open(middle);
    renameSync(middle, join(root, 'aside'));
    symlinkSync(victim, middle);
    await removeEntry(handle, Buffer.from('file'));
    await handle.close();
    expect(readdirSync(join(root, 'aside'))).toEqual([]);
    expect(readdirSync(victim)).toEqual(['file']);
  });

  it('again and again, never leads out', async () => {
    const tree = join(root, 'tree');
    mkdirSync(tree);
    const swap = `cd "$1" || exit; while :; do mkdir -p a/file b; mv a c 2>/dev/null; ln -s "$2" a 2>/dev/null; mv -T c d 2>/dev/null; rm -f a; done`;
    const swapper = spawn('sh', ['-c', swap, 'sh', tree, victim], { stdio: 'ignore' });
    const ended = new Promise((resolve) => swapper.once('close', resolve));
    for (let count = 0; count < 100; count += 1) {
      // Removed, or given up because things keep coming in; the victim is looked at after each test.
      await removeTree(root, 'tree').catch((error: NodeJS.ErrnoException) =>
        expect(['ENOTEMPTY', 'ENOTDIR', 'EEXIST']).toContain(error.code),
      );
      mkdirSync(tree, { recursive: true });
    }
    swapper.kill('SIGKILL');
    await ended;
    expect(readdirSync(victim)).toEqual(['file']);
  });
});

const canBind = tryToBind();

describe.runIf(canBind)('what is mounted in a tree (skipped where nothing may be mounted)', () => {
  it.each([
    ['another file system', (place: string) => ['-t', 'tmpfs', 'tmpfs', place]],
    ['a folder of the same one', (place: string) => ['--bind', victim, place]],
  ])('stays, and is named: %s', async (_title, words) => {
    const place = join(root, 'tree', 'mounted');
    mkdirSync(place, { recursive: true });
    execFileSync('mount', words(place));
    try {
      writeFileSync(join(place, 'theirs'), '');
      const error = await removeTree(root, 'tree').catch((problem: unknown) => problem);
      expect(error).toBeInstanceOf(MountInTheWay);
      expect(String(error)).toContain(`${place} is a file system of its own (a mount)`);
      expect(existsSync(join(place, 'theirs'))).toBe(true);
    } finally {
      execFileSync('umount', [place]);
    }
    rmSync(join(victim, 'theirs'), { force: true });
    await removeTree(root, 'tree');
    expect(readdirSync(root)).toEqual(['victim']);
  });

  it('even when it is a file', async () => {
    mkdirSync(join(root, 'tree'));
    const place = join(root, 'tree', 'mounted');
    writeFileSync(place, '');
    execFileSync('mount', ['--bind', join(victim, 'file'), place]);
    try {
      await expect(removeTree(root, 'tree')).rejects.toThrow(MountInTheWay);
    } finally {
      execFileSync('umount', [place]);
    }
  });
});

describe('one file, one empty folder', () => {
  it('a file goes, a link goes without what it leads to, a folder does not', async () => {
    symlinkSync(join(victim, 'file'), join(root, 'link'));
    await removeFile(join(root, 'link'));
    await removeFile(join(root, 'link'));
    await expect(removeFile(victim)).rejects.toThrow(/EISDIR|EPERM/);
    expect(readdirSync(root)).toEqual(['victim']);
  });

  it('a folder goes when it is empty only', async () => {
    mkdirSync(join(root, 'empty'));
    expect(await removeEmptyFolder(join(root, 'empty'))).toBe(true);
    expect(await removeEmptyFolder(join(root, 'empty'))).toBe(true);
    expect(await removeEmptyFolder(victim)).toBe(false);
    expect(await removeEmptyFolder(join(victim, 'file'))).toBe(false);
  });
});

function tryToBind(): boolean {
  const place = mkdtempSync(join(tmpdir(), 'daybook-bind-'));
  try {
    execFileSync('mount', ['--bind', place, place], { stdio: 'ignore' });
    execFileSync('umount', [place], { stdio: 'ignore' });
    return true;
  } catch {
    process.stderr.write('Nothing may be mounted here; the tests of removals with mounts are skipped.\n');
    return false;
  } finally {
    rmSync(place, { recursive: true });
  }
}
