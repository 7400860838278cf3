/**
 * The home directory, as one account may use it. Every door (FTP, later HTTP) goes through a view; a view cannot be led
 * out of its folder, whatever programs put there meanwhile.
 *
 * A path begins at the folder of the view, with or without a leading `/`, as in a chroot; `.` and empty parts stand for
 * nothing; `..` is the folder above, as the kernel has it (behind a link: above the folder that the link leads to), and
 * above the folder of the view it is refused. Links inside that lead inside are followed, those that lead out refused.
 */

/**
 * Names are bytes on the disk, and not every one is UTF-8: a Buffer is taken as it is, text as its UTF-8. What comes out
 * is always bytes, so that it leads back to the very file; `toShownName` makes it fit for a line of text. NFC and NFD
 * names are two files.
 */
export type HomePath = string | Buffer;

export type EntryKind = 'file' | 'folder' | 'link' | 'other';

/** What a listing, SIZE, MDTM or MLST tells. */
export interface HomeEntry {
  /** Of the entry itself, never a path: of what a link leads to where that is told. Empty for the folder of the view. */
  name: Buffer;
  /** `other`: a pipe, socket or device, which can be seen, renamed and deleted, and nothing else. */
  kind: EntryKind;
  sizeBytes: number;
  modifiedMs: number;
  /** The lowest twelve bits: permissions, and set-user-ID, set-group-ID, sticky. */
  mode: number;
  uid: number;
  gid: number;
  /** How many names the file has. */
  linkCount: number;
  /** Device and inode in hexadecimal, with a `g` between them: equal for all names of one file (RFC 3659, 7.5.2). */
  unique: string;
  /** As it stands in the link, which may lead anywhere; null for what is no link. */
  linkTarget: Buffer | null;
  /**
   * A broken upload of this account, which nobody else sees: it stands here while no entry of that name exists, can be
   * gone on with (append, or replace at an offset) and deleted; everything else is refused as `incomplete`.
   */
  isPart: boolean;
}

/** Entries in the order of the folder, the account's parts last. Ends when closed; ending the loop closes it, too. */
export interface Listing<T> extends AsyncIterable<T> {
  /** To be called when it is not read at all; twice is fine. */
  close(): Promise<void>;
}

/** A regular file that is held open: what is read is this file, also when another takes its name. Close it. */
export interface OpenedFile {
  /** When it was opened: as many bytes are read, however it grows. */
  readonly sizeBytes: number;
  readonly modifiedMs: number;
  /** Differs whenever the bytes may (device, inode, size, mtime and ctime in ns): a strong validator, RFC 9110 §8.8.1. */
  readonly validator: string;
  /**
   * Bytes from `first` (default 0) to before `end` (default and most: the size when it was opened), in pieces of up to
   * 256 KiB that are the reader's to keep.
   * @throws HomeError `changed` when the file became shorter meanwhile
   */
  bytes(range?: ByteRange): AsyncGenerator<Buffer>;
  /**
   * The same into memory that is used again, for who sends a lot: new memory for each piece kept the collector busy for
   * twice as long as everything else (1 GB by FTP).
   * @returns how many bytes it put there, at least one; 0 at the end
   */
  readInto(target: Uint8Array, position: number): Promise<number>;
  close(): Promise<void>;
}

export interface ByteRange {
  first?: number;
  /** The first byte that is not wanted any more. */
  end?: number;
  signal?: AbortSignal;
}

/**
 * What an upload does with what is there:
 *
 * - `replace`: what comes takes the place of the file, from `offset` on; before it stay the bytes of the file, or of the
 *   account's broken upload where there is no file. (STOR, REST + STOR)
 * - `append`: goes on at the end of the file, else of the broken upload, else begins a file. (APPE)
 * - `unique`: never replaces anything. The path names a folder, the name is ours: `Upload.name`. (STOU)
 */
export type UploadMode = 'replace' | 'append' | 'unique';

export interface UploadOptions {
  mode: UploadMode;
  /** Of `replace` only. @throws HomeError `bad-offset` when less is there */
  offset?: number;
}

/**
 * A file that comes in. It lies under a hidden name until `commit`; ends with one of `commit`, `keep` and `discard`, and
 * what follows the first of them does nothing. It never changes what stands under the real name before `commit`.
 */
export interface Upload {
  readonly name: Buffer;
  /** How many bytes it has, those from before included: where the next ones go. */
  readonly sizeBytes: number;
  /**
   * One at a time; the chunk may be used again when it resolves.
   * @throws HomeError `no-space`; `busy` when the same account goes on with this upload elsewhere (it connected anew)
   */
  write(chunk: Uint8Array): Promise<void>;
  /**
   * Puts the whole file under its name: on the disk when it resolves. Mode and owner of a file that it replaces stay, and
   * its links: a link on the way keeps leading to it, all hard links show the new bytes. An append to a file that changed
   * meanwhile goes behind what is there now. When it fails, it is as after `keep`.
   */
  commit(): Promise<HomeEntry>;
  /** For a connection that broke: the account can go on with it for a day. What only copied a file is discarded. */
  keep(): Promise<void>;
  discard(): Promise<void>;
}

export interface DiskSpace {
  freeBytes: number;
  totalBytes: number;
}

/** All reject with a HomeError. A read-only view refuses whatever changes something, as `read-only`. */
export interface HomeView {
  readonly isReadOnly: boolean;
  /** Of what a link at the end leads to. */
  stat(path: HomePath): Promise<HomeEntry>;
  /** Of a link itself, also one that leads out or nowhere. */
  lstat(path: HomePath): Promise<HomeEntry>;
  /** The folder's path from the view's folder with all links resolved, beginning with `/`: what PWD says. */
  resolveFolder(path: HomePath): Promise<Buffer>;
  list(folder: HomePath): Promise<Listing<HomeEntry>>;
  /** Names alone, several times as fast. */
  listNames(folder: HomePath): Promise<Listing<Buffer>>;
  openFile(path: HomePath): Promise<OpenedFile>;
  beginUpload(path: HomePath, options: UploadOptions): Promise<Upload>;
  makeFolder(path: HomePath): Promise<void>;
  /** An empty one. */
  removeFolder(path: HomePath): Promise<void>;
  /** A file, a link (never what it leads to), a pipe, or a broken upload. */
  removeFile(path: HomePath): Promise<void>;
  /** An existing file of the new name is replaced, an existing folder only when it is empty and a folder comes. */
  rename(from: HomePath, to: HomePath): Promise<void>;
  setModified(path: HomePath, modifiedMs: number): Promise<void>;
  /** @param mode permission bits only (0 to 0o777) */
  setMode(path: HomePath, mode: number): Promise<void>;
  /** SHA-256 in hexadecimal, of the whole file or a part of it. */
  hash(path: HomePath, range?: ByteRange): Promise<string>;
  /** Of the file system that the folder lies on. */
  freeSpace(folder?: HomePath): Promise<DiskSpace>;
}

/** Whom a view is for. */
export interface ViewOptions {
  /** Whose broken uploads it shows and goes on with: what tells an account from every other, for good. */
  account: string;
  /**
   * Whom its programs run as, when they do not run as the server: new files belong to it, and what its programs may not
   * do (by permission bits), the view does not do either. Null: as the server.
   */
  ids: { uid: number; gid: number } | null;
  isReadOnly: boolean;
  /** A folder of home that is all of the view, made when it is not there; null: all of home. One name, no path. */
  folder: string | null;
}

export interface Home {
  /** @throws HomeError when the account's own folder cannot be made, or a link or a file stands there */
  view(options: ViewOptions): Promise<HomeView>;
  /**
   * At start and once an hour: removes what broken uploads left a day ago, and finishes what a killed server was about to
   * put under its name. Goes through the places that this server, or one before it, used.
   */
  sweep(): Promise<void>;
}

/**
 * What can be wrong. `refused` is whatever must not be (a way out of home, a pipe, a folder into itself); `denied` what the
 * permission bits close to the account's programs.
 */
export const homeErrorCodes = [
  'not-found',
  'is-folder',
  'not-folder',
  'exists',
  'not-empty',
  'refused',
  'denied',
  'read-only',
  'bad-name',
  'name-too-long',
  'too-many-links',
  'incomplete',
  'bad-offset',
  'no-space',
  'busy',
  'changed',
  'failed',
] as const;
export type HomeErrorCode = (typeof homeErrorCodes)[number];

/** The message is a whole sentence for people: the path as they wrote it, what is wrong, what to do. Never a line break. */
export class HomeError extends Error {
  readonly code: HomeErrorCode;

  constructor(code: HomeErrorCode, message: string, options: { cause?: unknown } = {}) {
    super(message, options);
    this.name = 'HomeError';
    this.code = code;
  }
}

export function isHomeError(error: unknown): error is HomeError {
  return error instanceof HomeError;
}

/** Where uploads lie until they are whole; nobody reaches it by any path, and no listing shows it. */
export const uploadsFolder = Buffer.from('.daybook-uploads');

export function isHiddenInHome(name: Buffer): boolean {
  return name.equals(uploadsFolder);
}

/** Fit for a line: control characters as `\u{a}`, what is no UTF-8 as the replacement sign. It does not lead back. */
export function toShownName(name: HomePath): string {
  const text = typeof name === 'string' ? name : name.toString();
  return text.replaceAll(
    /[\p{Cc}\p{Zl}\p{Zp}]/gu,
    (sign) => `\\u{${(sign.codePointAt(0) ?? 0).toString(16)}}`,
  );
}
