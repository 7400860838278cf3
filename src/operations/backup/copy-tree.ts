import { constants, type BigIntStats } from 'node:fs';
import { lstat, mkdir, open, readlink, type FileHandle } from 'node:fs/promises';
import type { Manifest } from '../../contract/backup.ts';
import { isHiddenInHome } from '../../domain/home/ports.ts';
import type { Account } from '../../lib/file-access.ts';
import { FolderHandle } from '../../lib/folder-handle.ts';
import { removeFile } from '../../lib/remove.ts';
import { copyBytes, ReadFailure, type WrittenFile } from './copy-bytes.ts';
import { encodeName, joinBytes } from './names.ts';

export type Tree = Pick<Manifest, 'files' | 'links' | 'directories' | 'hardLinks' | 'notTaken' | 'changed'>;

export function emptyTree(): Tree {
  return { files: [], links: [], directories: [], hardLinks: [], notTaken: [], changed: [] };
}

/** Linux takes no longer path in one call; what lies deeper is not taken. */
const maxPathBytes = 4_000;

/**
 * Copies a file, or a folder with all that is in it, into a backup, while programs may change it: each entry is reached
 * through its folder, which is held open, so that nothing outside is read because somebody put a link in between. Every
 * entry is in the result, the ones that could not be taken with the reason; only uploads that are not whole are left out.
 * @throws what writing throws
 */
export async function copyTree(from: string, to: string, prefix: string): Promise<Tree> {
  const copy = new TreeCopy(to);
  const at = from.lastIndexOf('/');
  const folder = await FolderHandle.open(from.slice(0, at) || '/');
  try {
    await copy.visit(folder, Buffer.from(from.slice(at + 1)), Buffer.from(prefix));
  } finally {
    await folder.close();
  }
  return copy.tree;
}

class TreeCopy {
  readonly tree = emptyTree();
  readonly #to: string;
  /** Files with several names, by device and inode: the place of the first. */
  readonly #known = new Map<string, string>();

  constructor(to: string) {
    this.#to = to;
  }

  /** @param entry its place in the backup */
  async visit(folder: FolderHandle, name: Buffer, entry: Buffer): Promise<void> {
    if (entry.length + this.#to.length > maxPathBytes) return this.#leave(entry, 'its path is too long');
    try {
      const facts = await lstat(folder.at(name), { bigint: true });
      if (facts.isDirectory()) await this.#copyFolder(folder, name, { entry, facts });
      else if (facts.isFile()) await this.#copyFile(folder.at(name), entry);
      else if (facts.isSymbolicLink()) await this.#copyLink(folder.at(name), { entry, facts });
      else this.#leave(entry, kindOf(facts));
    } catch (error) {
      if (error instanceof NotTaken) this.#leave(entry, error.message);
      else if (codeOf(error) === 'ENOENT') this.#leave(entry, 'it vanished while the backup was written');
      else throw error;
    }
  }

  async #copyFolder(
    outer: FolderHandle,
    name: Buffer,
    { entry, facts }: { entry: Buffer; facts: BigIntStats },
  ): Promise<void> {
    const folder = await outer.openFolder(name).catch(refuseRead);
    try {
      const names = await folder.names().catch(refuseRead);
      await mkdir(joinBytes(this.#to, entry), { mode: 0o700, recursive: true }).catch(refuseName);
      this.tree.directories.push({ path: encodeName(entry), ...factsOf(facts) });
      for (const inner of names.sort(Buffer.compare))
        // Halves of files; and restored with the owner of home, they would be open to programs.
        if (!isHiddenInHome(inner)) await this.visit(folder, inner, joinBytes(entry, inner));
    } finally {
      await folder.close();
    }
  }

  async #copyLink(source: Buffer, { entry, facts }: { entry: Buffer; facts: BigIntStats }): Promise<void> {
    const target = await readlink(source, { encoding: 'buffer' }).catch(refuseRead);
    const { modifiedNs, owner } = factsOf(facts);
    this.tree.links.push({ path: encodeName(entry), target: encodeName(target), modifiedNs, owner });
  }

  async #copyFile(path: Buffer, entry: Buffer): Promise<void> {
    // Without waiting: a pipe may stand there by now.
    const { O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = constants;
    const source = await open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK).catch(refuseRead);
    try {
      const facts = await source.stat({ bigint: true });
      if (!facts.isFile()) throw new NotTaken(kindOf(facts));
      const place = encodeName(entry);
      const identity = `${facts.dev} ${facts.ino}`;
      const first = facts.nlink > 1 ? this.#known.get(identity) : undefined;
      if (first !== undefined) {
        this.tree.hardLinks.push({ path: place, to: first });
        return;
      }
      const isSparse = facts.blocks * 512n < facts.size;
      const written = await this.#write(source, entry, { limitBytes: Number(facts.size), isSparse });
      this.tree.files.push({
        path: place,
        ...written,
        ...factsOf(facts),
        ...(isSparse ? { isSparse } : {}),
      });
      if (facts.nlink > 1) this.#known.set(identity, place);
      const now = await source.stat({ bigint: true });
      if (now.mtimeNs !== facts.mtimeNs || now.size !== facts.size) this.tree.changed.push(place);
    } finally {
      await source.close();
    }
  }

  async #write(
    source: FileHandle,
    entry: Buffer,
    options: { limitBytes: number; isSparse: boolean },
  ): Promise<WrittenFile> {
    const path = joinBytes(this.#to, entry);
    const target = await open(path, 'wx', 0o600).catch(refuseName);
    try {
      return await copyBytes(source, target, options);
    } catch (error) {
      if (!(error instanceof ReadFailure)) throw error;
      await removeFile(path);
      return refuseRead(error.cause);
    } finally {
      await target.close();
    }
  }

  #leave(entry: Buffer, why: string): void {
    this.tree.notTaken.push({ path: encodeName(entry), why });
  }
}

/** The message is the reason. */
class NotTaken extends Error {}

function refuseRead(error: unknown): never {
  const code = codeOf(error);
  if (code === 'ENOENT' || code === 'EMFILE' || code === 'ENFILE') throw error;
  if (code === 'ELOOP' || code === 'ENOTDIR')
    throw new NotTaken('it became something else while the backup was written', { cause: error });
  throw new NotTaken(`it cannot be read (${code})`, { cause: error });
}

/** The file system of the backup may be poorer: without bytes that are no text, or without upper and lower case. */
function refuseName(error: unknown): never {
  const code = codeOf(error);
  if (['EILSEQ', 'EINVAL', 'ENAMETOOLONG', 'EEXIST'].includes(code))
    throw new NotTaken(`the file system of the backup cannot hold its name (${code})`, { cause: error });
  throw error;
}

function factsOf({ mode, mtimeNs, uid, gid }: BigIntStats): {
  mode: number;
  modifiedNs: string;
  owner: Account;
} {
  return {
    mode: Number(mode & 0o7777n),
    modifiedNs: String(mtimeNs),
    owner: { uid: Number(uid), gid: Number(gid) },
  };
}

function kindOf(facts: BigIntStats): string {
  if (facts.isFIFO()) return 'a pipe (fifo)';
  if (facts.isSocket()) return 'a socket';
  return 'a device';
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}
