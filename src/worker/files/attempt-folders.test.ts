import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { silentLogger } from '../../lib/logger.ts';
import { AttemptFolders } from './attempt-folders.ts';

const first = { jobId: 1, number: 1 };
const second = { jobId: 2, number: 1 };
const nobody = { uid: 65_534, gid: 65_534 };
const isRoot = process.geteuid?.() === 0;

let root = '';
let folders: AttemptFolders;

beforeEach(async () => {
  root = join(mkdtempSync(join(tmpdir(), 'daybook-attempts-')), 'attempts');
  mkdirSync(root);
  folders = new AttemptFolders(root, { installation: 'a test' });
  await folders.open();
});
afterEach(() => rmSync(join(root, '..'), { recursive: true }));

const inodeOf = (path: string): number => lstatSync(path).ino;

/** An attempt that left nothing, and the folder it had. */
async function runOnce(owner: typeof nobody | null = null): Promise<number> {
  const inode = inodeOf(await folders.makeOutputs(first, owner));
  expect(await folders.dropEmptyOutputs(first)).toBe(true);
  return inode;
}

describe('the folder of an attempt that left nothing', () => {
  it('is that of the next one, under its name', async () => {
    const inode = await runOnce();
    const path = await folders.makeOutputs(second, null);
    expect(path).toBe(folders.outputs(second));
    expect(inodeOf(path)).toBe(inode);
    expect(existsSync(folders.outputs(first))).toBe(false);
    expect(inodeOf(await folders.makeOutputs({ jobId: 3, number: 1 }, null))).not.toBe(inode);
  });

  it.runIf(isRoot)('is never that of another owner', async () => {
    await runOnce(nobody);
    const ours = lstatSync(await folders.makeOutputs(second, null));
    expect(ours).toMatchObject({ uid: process.geteuid?.(), mode: 0o40_700 });
    const theirs = lstatSync(await folders.makeOutputs({ jobId: 3, number: 1 }, nobody));
    expect(theirs).toMatchObject(nobody);
  });

  it('goes when its program changed who may use it', async () => {
    chmodSync(await folders.makeOutputs(first, null), 0o777);
    expect(await folders.dropEmptyOutputs(first)).toBe(true);
    expect(existsSync(folders.outputs(first))).toBe(false);
    expect(lstatSync(await folders.makeOutputs(second, null)).mode).toBe(0o40_700);
  });

  it('is not taken away from an attempt of the same name', async () => {
    await runOnce();
    const again = inodeOf(await folders.makeOutputs(first, null));
    await folders.makeOutputs(second, null);
    expect(inodeOf(folders.outputs(first))).toBe(again);
  });

  it('is made anew when it was removed meanwhile', async () => {
    await runOnce();
    rmdirSync(folders.outputs(first));
    expect(readdirSync(await folders.makeOutputs(second, null))).toEqual([]);
  });

  it('takes the place of nothing that an earlier life left', async () => {
    await runOnce();
    mkdirSync(folders.outputs(second));
    writeFileSync(join(folders.outputs(second), 'old'), '');
    expect(readdirSync(await folders.makeOutputs(second, null))).toEqual([]);
  });

  it('goes when no other comes', async () => {
    await runOnce();
    await expect.poll(() => existsSync(folders.outputs(first)), { timeout: 3_000 }).toBe(false);
    expect(readdirSync(await folders.makeOutputs(second, null))).toEqual([]);
  });

  it('goes with the next start', async () => {
    await runOnce();
    await new AttemptFolders(root, { installation: 'a test' }).sweep([second], silentLogger);
    expect(readdirSync(root).filter((name) => name.endsWith('.out'))).toEqual([]);
  });
});

describe('the folder of an attempt that left something', () => {
  it('stays, and is nobody else’s', async () => {
    writeFileSync(join(await folders.makeOutputs(first, null), 'made'), '');
    expect(await folders.dropEmptyOutputs(first)).toBe(false);
    expect(readdirSync(await folders.makeOutputs(second, null))).toEqual([]);
    expect(readdirSync(folders.outputs(first))).toEqual(['made']);
  });

  it('stays when what it left is hidden, a folder, or a link that leads nowhere', async () => {
    const made: ((path: string) => void)[] = [
      (path) => writeFileSync(join(path, '.hidden'), ''),
      (path) => mkdirSync(join(path, 'folder')),
      (path) => symlinkSync('nowhere', join(path, 'link')),
    ];
    for (const [index, make] of made.entries()) {
      const attempt = { jobId: 10 + index, number: 1 };
      make(await folders.makeOutputs(attempt, null));
      expect(await folders.dropEmptyOutputs(attempt)).toBe(false);
    }
  });

  it('is not followed where a program put a link in its place', async () => {
    const elsewhere = join(root, '..', 'elsewhere');
    mkdirSync(elsewhere);
    rmdirSync(await folders.makeOutputs(first, null));
    symlinkSync(elsewhere, folders.outputs(first));
    expect(await folders.dropEmptyOutputs(first)).toBe(false);
    expect(inodeOf(await folders.makeOutputs(second, null))).not.toBe(inodeOf(elsewhere));
  });
});
