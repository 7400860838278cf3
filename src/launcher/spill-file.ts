import { closeSync, ftruncateSync, openSync, readSync, writeSync } from 'node:fs';

/**
 * Where output goes that does not fit in memory: one file for all programs, only ever appended to, cut to
 * nothing when nobody needs anything in it. (A file per attempt was tried: half the speed on ext4.)
 */
export class SpillFile {
  readonly #path: string;
  #fd: number | null = null;
  #end = 0;
  #neededBytes = 0;

  constructor(path: string) {
    this.#path = path;
  }

  /** Grows to this even while little of it is needed. */
  get sizeBytes(): number {
    return this.#end;
  }

  /** The position of the bytes, or null when the disk has no room for them. */
  append(bytes: Uint8Array): number | null {
    const position = this.#end;
    try {
      this.#fd ??= openSync(this.#path, 'w+', 0o600);
      let written = 0;
      while (written < bytes.length)
        written += writeSync(this.#fd, bytes, written, bytes.length - written, position + written);
    } catch {
      return null; // what was written beyond #end is overwritten by the next try
    }
    this.#end += bytes.length;
    this.#neededBytes += bytes.length;
    return position;
  }

  /** Fills `bytes`. @throws when the file was cut or damaged by someone else */
  read(position: number, bytes: Uint8Array): void {
    let have = 0;
    while (this.#fd !== null && have < bytes.length) {
      const count = readSync(this.#fd, bytes, have, bytes.length - have, position + have);
      if (count === 0) break;
      have += count;
    }
    if (have < bytes.length) throw new Error(`the spill file ends before byte ${position + bytes.length}`);
  }

  release(length: number): void {
    this.#neededBytes -= length;
    if (this.#neededBytes > 0 || this.#fd === null) return;
    ftruncateSync(this.#fd, 0);
    this.#end = 0;
  }

  close(): void {
    if (this.#fd !== null) closeSync(this.#fd);
    this.#fd = null;
  }
}
