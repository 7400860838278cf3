/**
 * Where uploads lie until they are whole: a hidden folder at the top of the file system that their target is on, so that
 * a rename puts them in place. That is home itself, or a disk that is mounted in it. It is the server's alone (0700), so
 * where programs run as somebody else they can neither look into it nor link to what is in it; they may rename it, which
 * loses broken uploads and nothing else. Where programs run as the server, nothing of the server is closed to them.
 *
 * Each upload has a folder in it, and in that a file with the very name it is to have:
 *
 *     .daybook-uploads/<slot>.<uuid>/<name>
 *
 * The slot is made from account and target folder, so a broken upload is found again by who sent it, from wherever they
 * sent it, by a later life of the server, too: nothing else is recorded. Who goes on with one renames its folder, which
 * only one can; whoever held it before finds it gone and can put nothing in place any more.
 */
import { createHash, randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { lstat, mkdir, open, rename } from 'node:fs/promises';
import { closing } from '../../lib/closing.ts';
import type { FolderHandle } from '../../lib/folder-handle.ts';
import { removeEmptyFolder, removeEntry, removeFile } from '../../lib/remove.ts';
import { toUnique } from './entries.ts';
import { codeOf, homeError } from './problems.ts';
import { uploadsFolder, type HomePath } from './ports.ts';

/** Not found again by anybody: it has no name of its own to be gone on with, or only copied a file. */
export const noSlot = 'none';

export interface Part {
  /** Of its folder. */
  id: string;
  name: Buffer;
  sizeBytes: number;
  modifiedMs: number;
  unique: string;
}

export function slotOf(account: string, folder: readonly Buffer[]): string {
  const hash = createHash('sha256').update(account).update('\0');
  for (const part of folder) hash.update(part).update('/');
  return hash.digest('hex').slice(0, 32);
}

export function newId(slot: string): string {
  return `${slot}.${randomUUID()}`;
}

/** The hidden folder, held. */
export class Staging {
  readonly #folder: FolderHandle;

  private constructor(folder: FolderHandle) {
    this.#folder = folder;
  }

  /**
   * Of the file system that the last of these folders, each in the one before, is on.
   * @param path for words
   * @throws HomeError `refused` when somebody else put something there
   */
  static async open(folders: readonly FolderHandle[], path: HomePath): Promise<Staging> {
    const top = await topOf(folders);
    await mkdir(top.at(uploadsFolder), { mode: 0o700 }).catch((error: unknown) => {
      if (codeOf(error) !== 'EEXIST') throw error;
    });
    const staging = await Staging.#openIn(top);
    if (staging) return staging;
    const place = Buffer.concat([top.path, Buffer.from('/'), uploadsFolder]).toString();
    throw homeError(
      'refused',
      path,
      `uploads cannot lie in ${place}, which is not the server's alone; remove it.`,
    );
  }

  /** Null when there is none, or it is not ours. */
  static async find(folders: readonly FolderHandle[]): Promise<Staging | null> {
    return Staging.#openIn(await topOf(folders)).catch((error: unknown) => {
      if (codeOf(error) === 'ENOENT') return null;
      throw error;
    });
  }

  static async #openIn(top: FolderHandle): Promise<Staging | null> {
    const folder = await top.openFolder(uploadsFolder).catch((error: unknown) => {
      if (codeOf(error) === 'ENOTDIR' || codeOf(error) === 'ELOOP') return null;
      throw error;
    });
    if (folder === null) return null;
    const { uid, mode } = await folder.facts();
    if (uid === process.geteuid?.() && (mode & 0o077) === 0) return new Staging(folder);
    await folder.close();
    return null;
  }

  /** How to reach what lies under an id, by the path that it has now: gone when another took it over. */
  at(id: string, name: Buffer): Buffer {
    return Buffer.concat([this.#folder.at(Buffer.from(id)), Buffer.from('/'), name]);
  }

  ids(): Promise<string[]> {
    return this.#folder.names().then((names) => names.map(String));
  }

  async make(id: string): Promise<void> {
    await mkdir(this.#folder.at(Buffer.from(id)), { mode: 0o700 });
  }

  async openFolder(id: string): Promise<FolderHandle> {
    return this.#folder.openFolder(Buffer.from(id));
  }

  /** False when it is not there any more: another was faster. */
  async take(id: string, newId: string): Promise<boolean> {
    return rename(this.#folder.at(Buffer.from(id)), this.#folder.at(Buffer.from(newId))).then(
      () => true,
      (error: unknown) => {
        if (codeOf(error) === 'ENOENT') return false;
        throw error;
      },
    );
  }

  /** With all that is in it; not there is fine. */
  async remove(id: string): Promise<void> {
    await removeEntry(this.#folder, Buffer.from(id));
  }

  async removeFile(id: string, name: Buffer): Promise<void> {
    await removeFile(this.at(id, name));
    await removeEmptyFolder(this.#folder.at(Buffer.from(id)));
  }

  /** Parts of a slot, the newest first. */
  async parts(slot: string): Promise<Part[]> {
    const parts: Part[] = [];
    for (const id of await this.ids()) {
      if (!id.startsWith(`${slot}.`)) continue;
      const part = await this.#partOf(id).catch((error: unknown) => {
        if (codeOf(error) === 'ENOENT') return null;
        throw error;
      });
      if (part) parts.push(part);
    }
    return parts.sort((a, b) => b.modifiedMs - a.modifiedMs);
  }

  async #partOf(id: string): Promise<Part | null> {
    const folder = await this.openFolder(id);
    try {
      const [name] = await folder.names();
      if (name === undefined) return null;
      const facts = await lstat(folder.at(name));
      return { id, name, sizeBytes: facts.size, modifiedMs: facts.mtimeMs, unique: toUnique(facts) };
    } finally {
      await folder.close();
    }
  }

  /** When something of it was written last, in ms; a file that is no folder of an upload by itself. @throws ENOENT */
  async lastChangeOf(id: string, isFile: boolean): Promise<number> {
    const path = this.#folder.at(Buffer.from(id));
    const outer = (await lstat(path)).mtimeMs;
    if (isFile) return outer;
    const part = await this.#partOf(id);
    return Math.max(outer, part?.modifiedMs ?? 0);
  }

  /** Writes a small file of our own, on the disk when it resolves. */
  async write(id: string, text: string): Promise<void> {
    const { O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY } = constants;
    const flags = O_CREAT | O_EXCL | O_NOFOLLOW | O_WRONLY;
    const file = await open(this.#folder.at(Buffer.from(id)), flags, 0o600);
    await closing(file, async () => {
      await file.writeFile(text);
      await file.sync();
    });
  }

  /** Makes what was renamed in it outlast a crash. */
  sync(): Promise<void> {
    return this.#folder.sync();
  }

  async close(): Promise<void> {
    await this.#folder.close();
  }
}

/** The outermost of them on the file system of the last: a mount is one of its own, a bind mount of the same disk, too. */
async function topOf(folders: readonly FolderHandle[]): Promise<FolderHandle> {
  let top = folders.at(-1);
  if (!top) throw new Error('A place is in a folder.');
  const { fileSystem } = await top.identity();
  for (const folder of folders.toReversed()) {
    if ((await folder.identity()).fileSystem !== fileSystem) break;
    top = folder;
  }
  return top;
}
