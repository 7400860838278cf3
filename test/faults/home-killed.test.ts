/** Uploads whose server is killed, or whose disk is full: what stands under the real name is whole, and goes on. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createHome } from '../../src/domain/home/home.ts';
import { silentLogger } from '../../src/lib/logger.ts';
import { canMount, createSmallDisk, type SmallDisk } from '../support/faults/small-disk.ts';
import { codeOf, createHomeFolder, put, send, type HomeFolder } from '../support/home/home-folder.ts';
import { requireService } from '../support/services.ts';

const uploader = join(import.meta.dirname, '../support/home/uploader.ts');
const wholeBytes = 1_000_000;

describe('a server that is killed while it uploads', () => {
  let folder: HomeFolder;
  beforeEach(() => {
    folder = createHomeFolder();
  });
  afterEach(() => folder.remove());

  /** Runs an uploader and kills it after so many commits and a moment; returns the last letter that was confirmed. */
  async function uploadAndKill(name: string, commits: number, momentMs: number): Promise<string> {
    const child = spawn(process.execPath, [uploader, folder.path, name], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let told = '';
    for await (const bytes of child.stdout as AsyncIterable<Buffer>) {
      told += bytes.toString();
      if (told.length >= commits * 2 && !child.killed) setTimeout(() => child.kill('SIGKILL'), momentMs);
    }
    if (child.exitCode === null && child.signalCode === null) await once(child, 'close');
    return told.at(-2) ?? '';
  }

  it('leaves a whole file, and what it was sending goes on in the next life', async () => {
    let parts = 0;
    for (let round = 0; round < 12; round += 1) {
      const letter = await uploadAndKill('file', 2, round);
      const text = readFileSync(join(folder.path, 'file'), 'latin1');
      expect(text).toHaveLength(wholeBytes);
      const [held = ''] = text;
      // Confirmed, or put in place in the very moment it was killed.
      expect([letter, next(letter)]).toContain(held);
      expect(text.replaceAll(held, '')).toBe('');
      rmSync(join(folder.path, 'file'));
      const view = await createHome(folder.path, silentLogger).view({
        account: 'ana',
        ids: null,
        isReadOnly: false,
        folder: null,
      });
      const part = await view.stat('file').catch(() => null);
      if (part === null || part.sizeBytes === 0) continue;
      parts += 1;
      expect(part).toMatchObject({ isPart: true });
      const upload = await view.beginUpload('file', { mode: 'append' });
      await upload.write(Buffer.from('end'));
      await upload.commit();
      expect(statSync(join(folder.path, 'file')).size).toBe(part.sizeBytes + 3);
    }
    expect(parts).toBeGreaterThan(0);
  });

  it('leaves nothing for ever: what nobody goes on with is swept after a day', async () => {
    for (let round = 0; round < 4; round += 1) await uploadAndKill('file', 1, round);
    const place = join(folder.path, '.daybook-uploads');
    for (const path of readdirSync(place, { recursive: true, encoding: 'utf8' }).toSorted(
      (a, b) => b.length - a.length,
    ))
      utimesSync(join(place, path), 1, 1);
    await folder.home.sweep();
    expect(folder.hidden()).toEqual([]);
    expect(statSync(join(folder.path, 'file')).size).toBe(wholeBytes);
  });

  it('finishes at its next start what it was writing into a file of several names', async () => {
    writeFileSync(join(folder.path, 'file'), 'old');
    linkSync(join(folder.path, 'file'), join(folder.path, 'other'));
    for (let round = 0; round < 12; round += 1) {
      const letter = await uploadAndKill('file', 1, round);
      await createHome(folder.path, silentLogger).sweep();
      const text = readFileSync(join(folder.path, 'other'), 'latin1');
      const [held = ''] = text;
      expect([letter, next(letter)]).toContain(held);
      expect(text.replaceAll(held, '')).toBe('');
      expect(text).toHaveLength(wholeBytes);
      expect(statSync(join(folder.path, 'file')).nlink).toBe(2);
      expect(folder.hidden().filter((id) => id.startsWith('into.'))).toEqual([]);
    }
  });
});

function next(letter: string): string {
  return letter === 'z' ? 'a' : String.fromCodePoint((letter.codePointAt(0) ?? 0) + 1);
}

describe.runIf(requireService('The right to mount', canMount()))('on a disk of its own', () => {
  let folder: HomeFolder;
  let disk: SmallDisk;
  beforeEach(() => {
    disk = createSmallDisk(8 * 1024 * 1024);
    folder = createHomeFolder(disk.folder);
  });
  afterEach(() => {
    folder.remove();
    disk.remove();
  });

  it('that is full an upload fails with its reason, the old file stays, and room lets it go on', async () => {
    const view = await folder.view();
    await put(view, 'old', 'old');
    const [replacing, adding] = [
      await view.beginUpload('old', { mode: 'replace' }),
      await view.beginUpload('new', { mode: 'replace' }),
    ];
    disk.fill(256 * 1024);
    await expect(replacing.write(Buffer.alloc(1024 * 1024))).rejects.toMatchObject({
      code: 'no-space',
      message: 'old: the disk is full; remove something and try again.',
    });
    await replacing.discard();
    expect(await codeOf(adding.write(Buffer.alloc(1024 * 1024)))).toBe('no-space');
    await adding.keep();
    expect(readFileSync(join(folder.path, 'old'), 'utf8')).toBe('old');
    expect(existsSync(join(folder.path, 'new'))).toBe(false);
    disk.makeRoom();
    const { sizeBytes } = await view.stat('new');
    const upload = await view.beginUpload('new', { mode: 'replace', offset: sizeBytes });
    await upload.write(Buffer.alloc(1024 * 1024 - sizeBytes));
    await upload.commit();
    expect(statSync(join(folder.path, 'new')).size).toBe(1024 * 1024);
    expect(folder.hidden()).toEqual([]);
  });

  it('that is full no copy of a file is left, and a file of several names keeps its bytes', async () => {
    const view = await folder.view();
    await put(view, 'a', 'x'.repeat(1024 * 1024));
    const sent = await send(view, 'b', 'y'.repeat(2 * 1024 * 1024));
    disk.fill(256 * 1024);
    expect(await codeOf(view.beginUpload('a', { mode: 'append' }))).toBe('no-space');
    expect(folder.hidden()).toHaveLength(1);
    writeFileSync(join(folder.path, 'b'), 'small');
    linkSync(join(folder.path, 'b'), join(folder.path, 'c'));
    expect(await codeOf(sent.commit())).toBe('no-space');
    expect(readFileSync(join(folder.path, 'c'), 'utf8')).toBe('small');
    expect(folder.hidden().filter((id) => !/^[0-9a-f]{32}\./.test(id))).toEqual([]);
    disk.makeRoom();
    rmSync(join(folder.path, 'b'));
    await (await view.beginUpload('b', { mode: 'append' })).commit();
    expect(statSync(join(folder.path, 'b')).size).toBe(2 * 1024 * 1024);
  });

  it('mounted in home, uploads lie on that disk, are found again and swept there', async () => {
    const outer = createHomeFolder();
    const inner = createSmallDisk(4 * 1024 * 1024);
    try {
      mkdirSync(join(outer.path, 'disk'));
      bind(inner.folder, join(outer.path, 'disk'));
      mkdirSync(join(outer.path, 'disk', 'd'));
      const view = await outer.view();
      await put(view, 'disk/d/whole', 'whole');
      await (await send(view, 'disk/d/half', 'half')).keep();
      expect(readdirSync(join(inner.folder, '.daybook-uploads'))).toHaveLength(1);
      expect(outer.hidden()).toEqual([]);
      expect(await view.stat('disk/d/half')).toMatchObject({ isPart: true, sizeBytes: 4 });
      expect(readFileSync(join(inner.folder, 'd', 'whole'), 'utf8')).toBe('whole');
      await put(view, 'near', 'near');
      await expect(view.rename('near', 'disk/d/near')).rejects.toMatchObject({
        code: 'refused',
        message: expect.stringContaining('another disk'),
      });
      for (const path of readdirSync(join(inner.folder, '.daybook-uploads'), {
        recursive: true,
        encoding: 'utf8',
      }).toSorted((a, b) => b.length - a.length))
        utimesSync(join(inner.folder, '.daybook-uploads', path), 1, 1);
      await outer.home.sweep();
      expect(readdirSync(join(inner.folder, '.daybook-uploads'))).toEqual([]);
    } finally {
      unbind(join(outer.path, 'disk'));
      inner.remove();
      outer.remove();
    }
  });
});

function bind(from: string, to: string): void {
  execFileSync('mount', ['--bind', from, to]);
}

function unbind(path: string): void {
  execFileSync('umount', ['--lazy', path]);
}
