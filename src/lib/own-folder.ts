import { constants } from 'node:fs';
import { lstat, open, readFile, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { FolderHandle } from './folder-handle.ts';
import { removeEntry } from './remove.ts';

/** The mark of a folder whose entries of a certain form are ours. */
export const markFile = '.daybook';
/** What a fresh file system brings along. */
const neutral = new Set(['lost+found']);

export interface OwnFolderOptions {
  /** One word: what stands in it. A mark is good for that only. */
  purpose: string;
  /** Of the data directory: two of them never share a folder. */
  owner: string;
  /** Only such names are ever removed. */
  isOwnName(name: string): boolean;
}

/**
 * A folder in which names of a certain form are ours to remove, and no others. It may be reached by a link: people move
 * folders to larger disks. Where it really is, is found once; from then on it must be the same folder.
 *
 * That it is ours is said by a mark in it, written when the folder is empty, or holds nothing but folders of our form
 * (made before there were marks). A folder with anything else in it and no mark is somebody's, and is left alone.
 */
export class OwnFolder {
  readonly #path: string;
  readonly #folder: string;
  readonly #options: OwnFolderOptions;

  private constructor(path: string, folder: string, options: OwnFolderOptions) {
    this.#path = path;
    this.#folder = folder;
    this.#options = options;
  }

  /** @throws ForeignFolderError when it is not ours */
  static async claim(path: string, options: OwnFolderOptions): Promise<OwnFolder> {
    const real = await realpath(path);
    const handle = await FolderHandle.open(real);
    try {
      const { folder } = await handle.identity();
      await claim(handle, real, options);
      return new OwnFolder(real, folder, options);
    } finally {
      await handle.close();
    }
  }

  /** Names of our form that are there. */
  async list(): Promise<string[]> {
    return this.#within(async (handle) =>
      (await handle.names()).map(String).filter((name) => this.#options.isOwnName(name)),
    );
  }

  /** With all that is in it; not there is fine. @throws when it is not of our form, or cannot be removed */
  async remove(name: string): Promise<void> {
    if (!this.#options.isOwnName(name)) throw new Error(`${name} in ${this.#path} is not ours to remove.`);
    await this.#within((handle) => removeEntry(handle, Buffer.from(name)));
  }

  async #within<T>(action: (handle: FolderHandle) => Promise<T>): Promise<T> {
    const handle = await FolderHandle.open(this.#path);
    try {
      if ((await handle.identity()).folder !== this.#folder)
        throw new Error(`${this.#path} is another folder than at the start; nothing in it is removed.`);
      return await action(handle);
    } finally {
      await handle.close();
    }
  }
}

/** The message says what to do. */
export class ForeignFolderError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'ForeignFolderError';
  }
}

async function claim(handle: FolderHandle, path: string, options: OwnFolderOptions): Promise<void> {
  const { purpose, owner, isOwnName } = options;
  const line = `${purpose} of ${owner}`;
  const found = await readMark(join(path, markFile));
  if (found === line) return;
  if (found !== null) {
    throw new ForeignFolderError(
      `${path} is in use by another data directory (its mark ${markFile} says "${found.slice(0, 100)}", not "${line}"). Choose another folder; or, if nobody uses it any more, remove ${join(path, markFile)}.`,
    );
  }
  const foreign: string[] = [];
  for (const name of (await handle.names()).map(String)) {
    if (neutral.has(name)) continue;
    const isOurs = isOwnName(name) && (await lstat(join(path, name))).isDirectory();
    if (!isOurs) foreign.push(name);
  }
  if (foreign.length > 0) {
    const names = foreign.sort().slice(0, 3).join(', ');
    throw new ForeignFolderError(
      `${path} is to hold ${purpose} of Daybook, which removes them there, but it holds other things: ${names}${foreign.length > 3 ? ` and ${foreign.length - 3} more` : ''}. Nothing was changed. Move them elsewhere, or let ${purpose} be an empty folder or a link to one.`,
    );
  }
  await writeMark(handle, line);
}

/** Null where there is none. */
async function readMark(path: string): Promise<string | null> {
  const facts = await lstat(path).catch(() => null);
  if (!facts) return null;
  const text = facts.isFile() ? await readFile(path, 'utf8') : '';
  return text.split('\n')[0] ?? '';
}

async function writeMark(handle: FolderHandle, line: string): Promise<void> {
  const { O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY } = constants;
  const path = handle.at(Buffer.from(markFile));
  const file = await open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o644);
  try {
    await file.writeFile(
      `${line}\nDaybook removes what it made in this folder, and leaves the rest alone.\n`,
    );
    await file.sync();
  } finally {
    await file.close();
  }
}
