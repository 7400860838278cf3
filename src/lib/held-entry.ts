import { constants, type BigIntStats } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import type { FolderHandle } from './folder-handle.ts';

const isLinux = process.platform === 'linux';
/** Linux: a descriptor that only names an entry, so that nothing happens to a pipe, a device, or who waits for them. */
const O_PATH = isLinux ? 0o10000000 : 0;
const { O_NOCTTY, O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = constants;

/**
 * An entry of a folder, of whatever kind, that is held: what is asked of it and done to it is asked of and done to this
 * one, whatever stands under its name meanwhile. A link is held itself, never followed. Without Linux, where only
 * development runs, its path is used.
 */
export class HeldEntry {
  readonly #handle: FileHandle;
  readonly #path: Buffer;

  private constructor(handle: FileHandle, path: Buffer) {
    this.#handle = handle;
    this.#path = path;
  }

  /** @throws ENOENT, EACCES; outside of Linux ELOOP for a link */
  static async open(folder: FolderHandle, name: Buffer): Promise<HeldEntry> {
    const path = folder.at(name);
    return new HeldEntry(await open(path, O_RDONLY | O_PATH | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY), path);
  }

  facts(): Promise<BigIntStats> {
    return this.#handle.stat({ bigint: true });
  }

  /** How to reach it while this is open, for calls that take a path and follow links. */
  here(): Buffer {
    return isLinux ? Buffer.from(`/proc/self/fd/${this.#handle.fd}`) : this.#path;
  }

  /**
   * Opens a regular file.
   * @returns null when it is something else
   */
  async openFile(flags: number): Promise<{ file: FileHandle; facts: BigIntStats } | null> {
    if (!(await this.facts()).isFile()) return null;
    const file = await open(this.here(), flags | O_NONBLOCK | O_NOCTTY | (isLinux ? 0 : O_NOFOLLOW));
    try {
      const facts = await file.stat({ bigint: true });
      if (facts.isFile()) return { file, facts };
    } catch (error) {
      await file.close();
      throw error;
    }
    await file.close();
    return null;
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }
}
