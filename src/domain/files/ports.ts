import type { Actor, Owned } from '../../contract/actor.ts';
import type { AttemptKey } from '../../contract/attempt.ts';
import type { Artifact, LeftOutFiles, RemovedFiles } from '../../contract/file.ts';

/** Bytes that are kept, whoever names them. */
export interface StoredFile {
  id: string;
  sizeBytes: number;
  /** In hexadecimal. */
  sha256: string;
}

/** A piece of a file, as it is stored. */
export interface FileChunk {
  firstByte: number;
  /** Of the plain bytes. */
  sizeBytes: number;
  codec: 'plain' | 'zstd';
  data: Uint8Array;
}

/** The attempt that made a file, and what it called it. */
export interface MadeBy {
  attempt: AttemptKey;
  name: string;
}

export interface NewFile extends StoredFile {
  owner: Owned;
  /** What was not appended before; null when that was everything. */
  lastChunk: FileChunk | null;
  madeBy: MadeBy | null;
}

/** Each call is one statement; a file grows by as many as it takes, so no transaction waits for a slow sender. */
export interface FileStore {
  /** Begins a file of several chunks; nobody can name it until it is complete. */
  begin(id: string, owner: Owned): Promise<void>;
  append(id: string, chunk: FileChunk): Promise<void>;
  /**
   * Makes a file that was begun complete, or stores one of a single chunk. One that an attempt made is recorded so, also
   * when that attempt was given up meanwhile: it still is what it made.
   * @returns false when that name of the attempt is recorded already, or there is no such attempt any more
   */
  complete(file: NewFile): Promise<boolean>;
  /** Removes a file, unless something names it. */
  discard(id: string): Promise<void>;
  /** The chunk that holds this byte; null behind the end, or when the file is gone. */
  chunkAt(id: string, byte: number): Promise<FileChunk | null>;
  /** Those of these that are complete. */
  find(ids: readonly string[]): Promise<StoredFile[]>;
  /** Those of these that the actor may give to a job: what they uploaded, and files of jobs they may see. */
  findUsable(ids: readonly string[], actor: Actor): Promise<StoredFile[]>;
  /** Removes what is older than this and named by no job, half-made files among it. Returns how many. */
  removeUnnamed(olderThanMs: number): Promise<number>;

  /** Files of a job, those it took first. */
  list(jobId: number, actor: Actor): Promise<Artifact[]>;
  /** What attempts of a job made and could not be kept. */
  listLeftOut(jobId: number, actor: Actor): Promise<LeftOutFiles[]>;
  /** What retention rules took of a job, the newest first. */
  listRemoved(jobId: number, actor: Actor): Promise<RemovedFiles[]>;
  /** Names of what is recorded as made by an attempt. */
  namesOf(attempt: AttemptKey): Promise<string[]>;
  /** Leaves an event that names what was not kept, once for each attempt. */
  noteLeftOut(attempt: AttemptKey, leftOut: Omit<LeftOutFiles, 'attempt'>, actor: string): Promise<void>;
}

export interface StoreOptions {
  owner: Owned;
  /** What the sender says it will be, so that too much is refused before it came. */
  expectedBytes?: number | undefined;
  /** By default that of the settings. */
  limitBytes?: number | undefined;
  /** By default a person uploads it. */
  madeBy?: MadeBy | null;
}

/** Files going in and out, a piece at a time: memory stays the same however large they are. */
export interface Files {
  /** The largest file that is taken. */
  readonly limitBytes: number;
  /**
   * Stores what comes. When it breaks off, nothing of it stays.
   * @throws AppError `payload_too_large`, `storage_full`; what the source throws
   */
  store(bytes: AsyncIterable<Uint8Array>, options: StoreOptions): Promise<StoredFile>;
  /** The bytes from `first` to `last`, both included. @throws when the file is gone or damaged */
  read(file: StoredFile, range?: { first: number; last: number }): AsyncGenerator<Buffer>;
}
