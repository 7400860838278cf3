/**
 * All that the product removes from a disk goes through here; a test looks for whoever calls `rm`, `unlink` or `rmdir`
 * elsewhere. What may go is named one by one by whoever asks: nothing is ever removed for being unknown.
 *
 * Whoever may write in a tree can change it while it is removed, and we may be root. So a tree is gone through folder by
 * folder, each held open and never reached through a link; and what is mounted into it stays, since it is a place of its
 * own.
 */
import { randomUUID } from 'node:crypto';
import { rmdirSync, unlinkSync } from 'node:fs';
import { realpath, rename, rmdir, unlink } from 'node:fs/promises';
import { FolderHandle } from './folder-handle.ts';

/** Removes a file or a link, never what it leads to. Not there is fine. @throws EISDIR or EPERM when it is a folder */
export async function removeFile(path: string | Buffer): Promise<void> {
  await unlink(path).catch(unlessMissing);
}

/** As `removeFile`. */
export function removeFileSync(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    unlessMissing(error);
  }
}

/** False when something is in it, or it is no folder; not there is fine. */
export async function removeEmptyFolder(path: string | Buffer): Promise<boolean> {
  return rmdir(path).then(() => true, isGone);
}

/** As `removeEmptyFolder`. */
export function removeEmptyFolderSync(path: string): boolean {
  try {
    rmdirSync(path);
    return true;
  } catch (error) {
    return isGone(error);
  }
}

/**
 * Removes the named entry of a folder, with all that is in it. Not there is fine. The folder itself may be reached by
 * links (whoever asks has chosen it), the entry and what is in it may not.
 * @throws when something is mounted in it, or it cannot be removed; what came before that is gone
 */
export async function removeTree(folder: string, name: string): Promise<void> {
  if (name === '' || name === '.' || name === '..' || name.includes('/'))
    throw new Error(`${name} is no name of an entry.`);
  const real = await realpath(folder).catch(unlessMissing);
  if (real === null) return;
  const outer = await FolderHandle.open(real);
  try {
    await removeEntry(outer, Buffer.from(name));
  } finally {
    await outer.close();
  }
}

/** As `removeTree`, of a folder that is held. */
export async function removeEntry(folder: FolderHandle, name: Buffer): Promise<void> {
  const { fileSystem } = await folder.identity();
  await remove(folder, name, { fileSystem, depth: 0, top: null, moves: { count: 0 } });
}

interface Walk {
  fileSystem: string;
  depth: number;
  /** The outermost folder that goes. */
  top: FolderHandle | null;
  moves: { count: number };
}

/** Each folder on the way is a descriptor. What lies deeper is moved up first: a program can nest without an end. */
const maxDepth = 64;
/** Somebody may put something in as fast as it is taken out. */
const maxRounds = 10;

async function remove(folder: FolderHandle, name: Buffer, walk: Walk): Promise<void> {
  const kept = await failureOf(unlink(folder.at(name)));
  if (kept === null) return;
  const code = codeOf(kept);
  if (code === 'EBUSY') throw new MountInTheWay(folder.pathOf(name));
  // POSIX says EPERM of a folder, Linux EISDIR; EPERM may also be a file that must not change.
  if (code !== 'EISDIR' && code !== 'EPERM') throw kept;
  const inner = await folder.openFolder(name).catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') return null;
    throw codeOf(error) === 'ENOTDIR' ? kept : error;
  });
  if (!inner) return;
  try {
    if ((await inner.identity()).fileSystem !== walk.fileSystem) throw new MountInTheWay(inner.path);
    await inner.permit();
    if (walk.top === null || walk.depth < maxDepth) return await removeFolder(inner, folder.at(name), walk);
    walk.moves.count += 1;
    await rename(folder.at(name), walk.top.at(Buffer.from(`.${randomUUID()}`)));
  } finally {
    await inner.close();
  }
}

async function removeFolder(inner: FolderHandle, path: Buffer, walk: Walk): Promise<void> {
  const deeper = { ...walk, top: walk.top ?? inner, depth: walk.depth + 1 };
  for (let round = 1; ; round += 1) {
    const { count } = walk.moves;
    for (const name of await inner.names()) await remove(inner, name, deeper);
    const left = await failureOf(rmdir(path));
    if (left === null) return;
    // What was moved up is new in the outermost folder: no sign that others write.
    if (walk.moves.count > count) round = 0;
    if (codeOf(left) !== 'ENOTEMPTY' || round >= maxRounds) throw left;
  }
}

/** Null when it worked, or when there was nothing to do. */
function failureOf(removal: Promise<void>): Promise<unknown> {
  return removal.then(
    () => null,
    (error: unknown) => (codeOf(error) === 'ENOENT' ? null : error),
  );
}

/** Something is mounted where something was to be removed. */
export class MountInTheWay extends Error {
  constructor(path: Buffer) {
    super(
      `${path.toString()} is a file system of its own (a mount); nothing in it is removed. Unmount it: umount ${path.toString()}`,
    );
    this.name = 'MountInTheWay';
  }
}

function unlessMissing(error: unknown): null {
  if (codeOf(error) === 'ENOENT') return null;
  throw error;
}

/** Of a folder that could not be removed: whether that is because it is not there. @throws what is neither */
function isGone(error: unknown): boolean {
  const code = codeOf(error);
  if (code === 'ENOENT') return true;
  if (code === 'ENOTEMPTY' || code === 'EEXIST' || code === 'ENOTDIR') return false;
  throw error;
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}
