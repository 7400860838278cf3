import {
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { open } from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, join } from 'node:path';
import type { BeginExternal, BegunExternal, ExternalEnd } from '../../contract/external.ts';
import { lockDirectory, lockHolder, type DirectoryLock } from '../../lib/directory-lock.ts';
import { removeEmptyFolderSync, removeFileSync } from '../../lib/remove.ts';
import type { CliContext } from './context.ts';
import type { Stream } from '../../contract/stream.ts';

export type RunBeginning = Omit<BeginExternal, 'tags'> & { tags: string[] };

interface RunRecord {
  url: string;
  beginning: RunBeginning;
  begun?: BegunExternal;
  end?: Omit<ExternalEnd, 'message'> & { message: string | null };
}

export interface Frame {
  stream: Stream;
  at: Date;
  bytes: Buffer;
  /** Where the next frame begins in the file. */
  next: number;
}

/** What may stand in the folder of a run. */
const ownName = /^(output|run\.json(\.next)?|run\.lock\.\d+|\.run\.lock-\d+-\d+)$/;

/** stream (1 byte) · milliseconds since 1970 (double) · length (4 bytes) · bytes */
const headerBytes = 13;

/**
 * What a `daybook run` knows, on the disk before it goes to the server: `run.json` (what it is, how far it got, how it
 * ended) and `output` (what was printed, in order). It stays until the server has stored all of it. The lock says
 * whether the process that writes it still lives.
 */
export class RunSpool {
  readonly folder: string;
  #record: RunRecord;
  #lock: DirectoryLock | undefined;
  readonly #output: number;

  private constructor(folder: string, record: RunRecord) {
    this.folder = folder;
    this.#record = record;
    this.#output = openSync(join(folder, 'output'), 'a', 0o600);
  }

  static create(context: CliContext, url: string, beginning: RunBeginning): RunSpool {
    const folder = join(runsFolder(context), beginning.key);
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const spool = new RunSpool(folder, { url, beginning });
    spool.#lock = lockDirectory(folder, { name: 'run', holderTitle: 'Another daybook run' });
    spool.#save();
    return spool;
  }

  /** Those whose process has gone. */
  static leftBehind(context: CliContext): RunSpool[] {
    return foldersIn(runsFolder(context))
      .filter((folder) => !lockHolder(folder, { name: 'run' }))
      .flatMap((folder) => {
        const record = readRecord(folder);
        return record ? [new RunSpool(folder, record)] : [];
      });
  }

  get record(): Readonly<RunRecord> {
    return this.#record;
  }

  /** Bytes of frames written so far. */
  get size(): number {
    return statSync(join(this.folder, 'output')).size;
  }

  append(stream: Frame['stream'], bytes: Uint8Array): void {
    const header = Buffer.alloc(headerBytes);
    header.writeUInt8(stream === 'stderr' ? 1 : 0, 0);
    header.writeDoubleBE(Date.now(), 1);
    header.writeUInt32BE(bytes.length, 9);
    // One write: a killed process leaves a whole frame, or a torn one at the very end.
    writeSync(this.#output, Buffer.concat([header, bytes]));
  }

  /** Whole frames from a position on, until about `limit` bytes. */
  async read(from: number, limit: number): Promise<Frame[]> {
    const file = await open(join(this.folder, 'output'), 'r');
    try {
      const frames: Frame[] = [];
      for (let at = from; at - from < limit;) {
        const header = Buffer.alloc(headerBytes);
        if ((await file.read(header, 0, headerBytes, at)).bytesRead < headerBytes) break;
        const bytes = Buffer.alloc(header.readUInt32BE(9));
        if ((await file.read(bytes, 0, bytes.length, at + headerBytes)).bytesRead < bytes.length) break;
        at += headerBytes + bytes.length;
        const stream = header.readUInt8(0) === 1 ? 'stderr' : 'stdout';
        frames.push({ stream, at: new Date(header.readDoubleBE(1)), bytes, next: at });
      }
      return frames;
    } finally {
      await file.close();
    }
  }

  setBegun(begun: BegunExternal): void {
    this.#record = { ...this.#record, begun };
    this.#save();
  }

  setEnd(end: NonNullable<RunRecord['end']>): void {
    this.#record = { ...this.#record, end };
    this.#save();
  }

  /** Lets go of it; it stays for `--deliver`. */
  close(): void {
    closeSync(this.#output);
    this.#lock?.release();
  }

  remove(): void {
    this.close();
    // Only what is ours: the folder goes when nobody else left something in it.
    for (const name of readdirSync(this.folder))
      if (ownName.test(name)) removeFileSync(join(this.folder, name));
    removeEmptyFolderSync(this.folder);
  }

  #save(): void {
    const path = join(this.folder, 'run.json');
    writeFileSync(`${path}.next`, JSON.stringify(this.#record), { mode: 0o600, flush: true });
    renameSync(`${path}.next`, path);
  }
}

function runsFolder({ env }: CliContext): string {
  const state = env['XDG_STATE_HOME'] || join(env['HOME'] || homedir(), '.local', 'state');
  return env['DAYBOOK_RUNS'] || join(state, 'daybook', 'runs');
}

function foldersIn(path: string): string[] {
  try {
    const entries = readdirSync(path, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory()).map(({ name }) => join(path, name));
  } catch {
    // Nobody ever ran anything here.
    return [];
  }
}

function readRecord(folder: string): RunRecord | null {
  try {
    const record = JSON.parse(readFileSync(join(folder, 'run.json'), 'utf8')) as RunRecord;
    // Of another program, that has such a file too.
    return record.beginning.key === basename(folder) && typeof record.url === 'string' ? record : null;
  } catch {
    // Not ours.
    return null;
  }
}
