import { lstat, type FileHandle } from 'node:fs/promises';
import { closing } from '../../lib/closing.ts';
import { walkConfined, type Confines, type Place } from '../../lib/confined-walk.ts';
import { permits, type Account } from '../../lib/file-access.ts';
import type { FolderHandle } from '../../lib/folder-handle.ts';
import { HeldEntry } from '../../lib/held-entry.ts';
import { codeOf, homeError, toHomeError } from './problems.ts';
import { isHiddenInHome, type HomePath, type ViewOptions } from './ports.ts';

/** Where a view is, and as whom it acts there. */
export interface Area extends Confines {
  options: ViewOptions;
}

export function createArea(root: string, options: ViewOptions): Area {
  const { ids, folder } = options;
  return {
    root,
    base: folder === null ? [] : [Buffer.from(folder)],
    isHidden: isHiddenInHome,
    ...(ids && { mayEnter: (facts) => permits(facts, ids, 1) }),
    options,
  };
}

/** Thrown where a link stands that was none a moment ago: the walk is to be done again. */
export class Swapped extends Error {}

/** A program that swaps entries in a loop is not waited for without an end. */
const mostTries = 20;

/**
 * Does something at a place, and lets go of it.
 * @throws HomeError in words about this path
 */
export async function at<T>(
  area: Area,
  path: HomePath,
  follow: boolean,
  action: (place: Place) => Promise<T>,
): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await closing(await walkConfined(area, path, { follow }), action);
    } catch (error) {
      if (!(error instanceof Swapped)) throw toHomeError(error, path);
      if (tries === mostTries) throw homeError('busy', path, 'it changes all the time; try again.', error);
    }
  }
}

/** The folder at a place, held for itself. @throws ENOENT, ENOTDIR, Swapped */
export async function enter({ folder, name }: Place, area: Area): Promise<FolderHandle> {
  // Under its own name the folder of the view is the same one: there is no link at a dot.
  const opened = await folder.openFolder(name ?? Buffer.from('.')).catch(async (error: unknown) => {
    const facts = name !== null && codeOf(error) !== 'ENOENT' ? await lstat(folder.at(name)) : null;
    if (facts?.isSymbolicLink() || facts?.isDirectory()) throw new Swapped();
    throw error;
  });
  const { ids } = area.options;
  if (ids === null || permits(await opened.facts(), ids, 1)) return opened;
  await opened.close();
  throw Object.assign(new Error('The folder is closed.'), { code: 'EACCES' });
}

/** What stands at the end of a walk that follows links. @throws ENOENT, Swapped when a link stands there now */
export async function holding<T>(
  folder: FolderHandle,
  name: Buffer,
  action: (entry: HeldEntry) => Promise<T>,
): Promise<T> {
  const entry = await HeldEntry.open(folder, name);
  try {
    if ((await entry.facts()).isSymbolicLink()) throw new Swapped();
    return await action(entry);
  } finally {
    await entry.close();
  }
}

interface Bits {
  mode: number | bigint;
  uid: number | bigint;
  gid: number | bigint;
}

/** Whether the account's programs may do that (4 read, 2 write). Who runs as the server is told by the kernel. */
export function isOpenTo(ids: Account | null, { mode, uid, gid }: Bits, bits: number): boolean {
  return ids === null || permits({ mode: Number(mode), uid: Number(uid), gid: Number(gid) }, ids, bits);
}

export async function requireWrite({ options }: Area, path: HomePath): Promise<void> {
  if (options.isReadOnly)
    throw homeError(
      'read-only',
      path,
      'you may read here, and change nothing; ask an administrator for the right.',
    );
}

/** Whether entries of the folder may be made, replaced (the one that is there) or removed. @throws HomeError `denied` */
export async function requireChange(
  { options: { ids } }: Area,
  folder: FolderHandle,
  path: HomePath,
  there: Bits | null,
): Promise<void> {
  if (ids === null) return;
  const facts = await folder.facts();
  const isSticky = (facts.mode & 0o1000) !== 0 && facts.uid !== ids.uid;
  const isOthers = there !== null && Number(there.uid) !== ids.uid;
  if (permits(facts, ids, 3) && !(isSticky && isOthers)) return;
  throw homeError(
    'denied',
    path,
    'your programs may not write into this folder; its owner can let them (chmod g+w).',
  );
}

/** What new names may not hold: they would forge lines in listings and logs. Existing ones can be renamed and removed. */
export function requireUsableName(name: Buffer, path: HomePath): void {
  if (name.includes(0x0a) || name.includes(0x0d))
    throw homeError('bad-name', path, 'a new name cannot hold a line break; take it out.');
}

/** Null when nothing stands there. */
export async function lookAt(folder: FolderHandle, name: Buffer) {
  return lstat(folder.at(name)).catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') return null;
    throw error;
  });
}

/** From the confines on. */
export function toPath(parts: readonly Buffer[]): Buffer {
  return Buffer.concat(parts.flatMap((part) => [Buffer.from('/'), part]));
}

/**
 * Programs of several accounts share a group and have the umask 002 where they do not run as the server; there, what we
 * make is theirs to change as what they make.
 */
export function newFileMode(ids: Account | null): number {
  return ids ? 0o664 : 0o666 & ~process.umask();
}

/** Where the file system has no owners, or trusts no root, it stays whose it is. */
export async function takeOwner(file: Pick<FileHandle, 'chown'>, owner: Account | null): Promise<void> {
  if (owner === null) return;
  await file.chown(owner.uid, owner.gid).catch((error: unknown) => {
    if (codeOf(error) !== 'EPERM') throw error;
  });
}
