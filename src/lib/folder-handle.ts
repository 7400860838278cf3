import { constants, readFileSync, type Stats } from 'node:fs';
import { chmod, open, readdir, type FileHandle } from 'node:fs/promises';
import { closing } from './closing.ts';

/** Linux: a descriptor that only names a place. It needs no right to read, and may be had of a folder closed to us. */
const O_PATH = process.platform === 'linux' ? 0o10000000 : 0;
const { O_DIRECTORY, O_NOFOLLOW, O_RDONLY } = constants;

/**
 * A folder that is held open, so that what is done in it is done in this folder, whatever its path leads to meanwhile:
 * Node has no openat(2) and unlinkat(2), but on Linux `/proc/self/fd/<n>/<name>` is the same. Elsewhere, where only
 * development runs, there is no way by the descriptor, and paths are used.
 *
 * Names are bytes, as they are on the disk: not every one is UTF-8.
 */
export class FolderHandle {
  readonly #handle: FileHandle;
  /** Where it stood when it was opened: for words. */
  readonly path: Buffer;

  private constructor(handle: FileHandle, path: Buffer) {
    this.#handle = handle;
    this.path = path;
  }

  /** @throws ENOTDIR or ELOOP when it is a link or no folder */
  static async open(path: string | Buffer): Promise<FolderHandle> {
    const place = Buffer.from(path);
    return new FolderHandle(await openFolder(place), place);
  }

  /** @throws as `open` */
  async openFolder(name: Buffer): Promise<FolderHandle> {
    return new FolderHandle(await openFolder(this.at(name)), this.pathOf(name));
  }

  /** For words only. */
  pathOf(name: Buffer): Buffer {
    return join(this.path, name);
  }

  /** How to reach an entry while this is open. */
  at(name: Buffer): Buffer {
    return join(this.here(), name);
  }

  /** How to reach the folder itself while this is open. */
  here(): Buffer {
    return process.platform === 'linux' ? Buffer.from(`/proc/self/fd/${this.#handle.fd}`) : this.path;
  }

  names(): Promise<Buffer[]> {
    return readdir(this.here(), { encoding: 'buffer' });
  }

  facts(): Promise<Stats> {
    return this.#handle.stat();
  }

  /** Makes what was done to its entries outlast a crash. */
  async sync(): Promise<void> {
    await closing(await open(this.here(), O_RDONLY | O_DIRECTORY), (handle) => handle.sync());
  }

  /** Device and inode of the folder, and which mount it was reached by, where the system tells (a bind mount differs in nothing else). */
  async identity(): Promise<FolderIdentity> {
    const { dev, ino } = await this.#handle.stat({ bigint: true });
    return { folder: `${dev} ${ino}`, fileSystem: `${dev} ${this.#mount()}` };
  }

  /** Lets us change what is in a folder of our own that its owner closed. Root needs no leave. */
  async permit(): Promise<void> {
    if (process.getuid?.() === 0) return;
    const { mode } = await this.#handle.stat();
    if ((mode & 0o700) !== 0o700) await chmod(this.here(), (mode & 0o7777) | 0o700);
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }

  /** The kernel answers from its memory, so this waits for no disk. */
  #mount(): string {
    try {
      const facts = readFileSync(`/proc/self/fdinfo/${this.#handle.fd}`, 'latin1');
      return /^mnt_id:\s*(\d+)/m.exec(facts)?.[1] ?? '';
    } catch {
      // Not Linux, or no /proc.
      return '';
    }
  }
}

export interface FolderIdentity {
  folder: string;
  fileSystem: string;
}

function openFolder(path: Buffer): Promise<FileHandle> {
  return open(path, O_RDONLY | O_PATH | O_DIRECTORY | O_NOFOLLOW);
}

function join(folder: Buffer, name: Buffer): Buffer {
  return Buffer.concat([folder, Buffer.from('/'), name]);
}
