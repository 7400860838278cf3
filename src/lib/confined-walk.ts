/**
 * Where a path leads that people name in a folder, home above all, without a way out of it. Programs may change what is
 * in the folder at any moment, and the server may be root; so no path is looked at first and used later.
 *
 * The walk goes from folder to folder, each opened by the one before it and never through a link (`O_NOFOLLOW`), and
 * kept open: what is done at its end is done in that very folder, even if a link has taken its place. Links are read and
 * resolved here, part by part, so that each of their parts is walked in the same way; what would go above the folder is
 * refused, as is an absolute link unless it names the folder itself. `..` goes back to the folder that was walked
 * through, not to the one that is above by now: a folder that is moved out of the tree leads nobody there.
 */
import { lstat, readlink, realpath } from 'node:fs/promises';
import { FolderHandle } from './folder-handle.ts';

/** As many as Linux follows (path_resolution(7)). */
const mostLinks = 40;
/** PATH_MAX of Linux. */
const longestPathBytes = 4096;
/** NAME_MAX of Linux. */
const longestNameBytes = 255;
/** Each is a descriptor while the place is used. */
const mostFolders = 256;

const slash = 0x2f;

export type PathProblemCode =
  | 'missing'
  | 'not-folder'
  | 'outside'
  | 'hidden'
  | 'closed'
  | 'bad-name'
  | 'too-long'
  | 'too-many-links';

/** What is wrong with a path; whoever asked has the words. */
export class PathProblem extends Error {
  readonly code: PathProblemCode;

  constructor(code: PathProblemCode, options: { cause?: unknown } = {}) {
    super(`Nothing can be reached by this path: ${code}.`, options);
    this.name = 'PathProblem';
    this.code = code;
  }
}

export interface Confines {
  /** The real path of the folder. */
  root: string;
  /** Names of folders in it, each in the one before; the innermost is what cannot be left. Default: the root. */
  base?: readonly Buffer[];
  /** Names that are not there for whoever walks, wherever they stand. */
  isHidden?(name: Buffer): boolean;
  /** Asked of each folder that is entered. */
  mayEnter?(facts: { mode: number; uid: number; gid: number }): boolean;
}

/** What a path leads to, or would lead to: an entry of a folder that is held. Close it. */
export interface Place {
  /** From the root on, each in the one before; the last holds the entry. */
  folders: readonly FolderHandle[];
  folder: FolderHandle;
  /** Null: the folder itself is meant (`.`, `/`, `a/..`). */
  name: Buffer | null;
  /** From the confines to here, without links. */
  parts: readonly Buffer[];
  close(): Promise<void>;
}

/**
 * @param options.follow a link at the end: whether what it leads to is meant, or the link
 * @throws PathProblem; errors of the system for anything else
 */
export async function walkConfined(
  confines: Confines,
  path: string | Buffer,
  options: { follow: boolean },
): Promise<Place> {
  const pending = toParts(toBytes(path));
  const walk = await Walk.begin(confines);
  try {
    const name = await walk.go(pending, options.follow);
    return walk.end(name);
  } catch (error) {
    await walk.close();
    throw error;
  }
}

export type Inside = { path: string } | { problem: 'missing' | 'outside' };

/**
 * Where something really is, for those who must hand on a path: a program's working directory, a script. It tells how
 * things stand now; who opens it with more rights than those who named it must walk instead.
 */
export async function findInside(confines: Confines, path: string): Promise<Inside> {
  try {
    const root = await realpath(confines.root);
    const place = await walkConfined({ ...confines, root }, path, { follow: true });
    try {
      const found = Buffer.concat([
        Buffer.from(root),
        ...[...(confines.base ?? []), ...place.parts].map((part) => Buffer.from([slash, ...part])),
      ]).toString();
      const isThere = place.name === null || !(await lstat(place.folder.at(place.name))).isSymbolicLink();
      return isThere ? { path: found } : { problem: 'missing' };
    } finally {
      await place.close();
    }
  } catch (error) {
    return { problem: error instanceof PathProblem && error.code === 'outside' ? 'outside' : 'missing' };
  }
}

class Walk {
  readonly #confines: Confines;
  readonly #folders: FolderHandle[];
  /** Of the folders within the confines. */
  readonly #names: Buffer[] = [];
  #links = 0;

  private constructor(confines: Confines, root: FolderHandle) {
    this.#confines = confines;
    this.#folders = [root];
  }

  static async begin(confines: Confines): Promise<Walk> {
    const walk = new Walk(confines, await FolderHandle.open(confines.root));
    try {
      await walk.#mayEnter(walk.#here);
      for (const name of confines.base ?? []) await walk.#enter(name);
      return walk;
    } catch (error) {
      await walk.close();
      const code = codeOf(error);
      if (code === 'ENOENT') throw new PathProblem('missing', { cause: error });
      throw code === 'ENOTDIR' || code === 'ELOOP' ? new PathProblem('not-folder', { cause: error }) : error;
    }
  }

  /** Goes as far as folders are named; returns what is left to look at in the last, or null. */
  async go(pending: Buffer[], follow: boolean): Promise<Buffer | null> {
    for (let part = pending.shift(); part !== undefined; part = pending.shift()) {
      if (isDots(part)) {
        await this.#leave();
        continue;
      }
      if (this.#confines.isHidden?.(part)) throw new PathProblem('hidden');
      const isLast = pending.length === 0;
      if (isLast && !follow) return part;
      const target = isLast ? await this.#targetOf(part) : await this.#enterOrRead(part);
      if (target !== null) pending.unshift(...(await this.#follow(target)));
      else if (isLast) return part;
    }
    return null;
  }

  end(name: Buffer | null): Place {
    const folders = this.#folders;
    return {
      folders,
      folder: this.#here,
      name,
      parts: name === null ? this.#names : [...this.#names, name],
      close: () => this.close(),
    };
  }

  async close(): Promise<void> {
    await Promise.all(this.#folders.map((folder) => folder.close()));
  }

  get #here(): FolderHandle {
    const folder = this.#folders.at(-1);
    if (!folder) throw new Error('A walk is somewhere.');
    return folder;
  }

  /** Null when it went into a folder; else what the link there says. */
  async #enterOrRead(name: Buffer): Promise<Buffer | null> {
    for (;;) {
      try {
        await this.#enter(name);
        this.#names.push(name);
        return null;
      } catch (error) {
        const code = codeOf(error);
        if (code === 'ENOENT') throw new PathProblem('missing', { cause: error });
        if (code !== 'ENOTDIR' && code !== 'ELOOP') throw error;
      }
      const target = await this.#targetOf(name);
      if (target !== null) return target;
      // Neither a folder nor a link; or it is swapped just now, which is not waited for without an end.
      const facts = await lstat(this.#here.at(name));
      if (!facts.isDirectory() && !facts.isSymbolicLink()) throw new PathProblem('not-folder');
      this.#count();
    }
  }

  async #enter(name: Buffer): Promise<void> {
    if (this.#folders.length > mostFolders) throw new PathProblem('too-long');
    const folder = await this.#here.openFolder(name);
    try {
      await this.#mayEnter(folder);
    } catch (error) {
      await folder.close();
      throw error;
    }
    this.#folders.push(folder);
  }

  async #mayEnter(folder: FolderHandle): Promise<void> {
    const { mayEnter } = this.#confines;
    if (mayEnter && !mayEnter(await folder.facts())) throw new PathProblem('closed');
  }

  async #leave(): Promise<void> {
    if (this.#names.pop() === undefined) throw new PathProblem('outside');
    await this.#folders.pop()?.close();
  }

  /** Null for what is no link, or not there. */
  async #targetOf(name: Buffer): Promise<Buffer | null> {
    return readlink(this.#here.at(name), { encoding: 'buffer' }).catch((error: unknown) =>
      codeOf(error) === 'ENOENT' ? null : unlessNoLink(error),
    );
  }

  /** Parts to go on with. */
  async #follow(target: Buffer): Promise<Buffer[]> {
    this.#count();
    if (target[0] !== slash) return toParts(target);
    const { root, base = [] } = this.#confines;
    const inside = toParts(target);
    for (const part of [...toParts(Buffer.from(root)), ...base])
      if (!inside.shift()?.equals(part)) throw new PathProblem('outside');
    while (this.#names.length > 0) await this.#leave();
    return inside;
  }

  #count(): void {
    this.#links += 1;
    if (this.#links > mostLinks) throw new PathProblem('too-many-links');
  }
}

function toBytes(path: string | Buffer): Buffer {
  const bytes = typeof path === 'string' ? Buffer.from(path) : path;
  if (bytes.includes(0)) throw new PathProblem('bad-name');
  if (bytes.length > longestPathBytes) throw new PathProblem('too-long');
  return bytes;
}

/** Without what stands for nothing: empty ones and `.`. */
function toParts(path: Buffer): Buffer[] {
  const parts: Buffer[] = [];
  for (let start = 0; start <= path.length;) {
    const next = path.indexOf(slash, start);
    const end = next < 0 ? path.length : next;
    const part = path.subarray(start, end);
    if (part.length > longestNameBytes) throw new PathProblem('too-long');
    if (part.length > 0 && !(part.length === 1 && part[0] === 0x2e)) parts.push(part);
    start = end + 1;
  }
  return parts;
}

function isDots(part: Buffer): boolean {
  return part.length === 2 && part[0] === 0x2e && part[1] === 0x2e;
}

function unlessNoLink(error: unknown): null {
  if (codeOf(error) === 'EINVAL') return null;
  throw error;
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}
