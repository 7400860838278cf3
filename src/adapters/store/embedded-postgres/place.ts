import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  closeSync,
  cpSync,
  existsSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  statSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { readdir } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { AppError } from '../../../contract/errors.ts';
import { canReach, type Account } from '../../../lib/file-access.ts';
import { removeEmptyFolder, removeEmptyFolderSync, removeFileSync, removeTree } from '../../../lib/remove.ts';
import { ownCopy } from './binaries.ts';
import { chooseAccount, giveTo, isRoot } from './account.ts';

/**
 * Where the database of a data directory lies. Usually `<data>/database`; when the account that PostgreSQL runs as
 * cannot reach that (a clone below /root), `<system>/<id>`. `<data>/database.json` says which, so that moving the
 * clone loses nothing, and a new data directory has a new id and never meets an old database.
 *
 * States of database.json: absent → creating (id and folder decided) → ready (the cluster was complete once).
 * A crash while creating leaves nothing half: the cluster appears by one rename.
 */
export interface Place {
  id: string;
  directory: string;
  clusterDirectory: string;
  socketDirectory: string;
  account: Account | undefined;
  /** False: the cluster is still to be made. */
  isReady: boolean;
}

interface PlaceRecord {
  id: string;
  /** Relative to the data directory, or absolute. */
  directory: string;
  state: 'creating' | 'ready';
}

const recordFile = 'database.json';
const usualDirectory = 'database';

export interface PlaceOptions {
  dataDirectory: string;
  /** Where databases go that cannot lie in their data directory. */
  systemDirectory: string;
  programUser?: string | undefined;
}

/** The place as it is, without deciding or making anything. */
export function readPlace(options: PlaceOptions): Place | undefined {
  const record = readRecord(options.dataDirectory);
  if (!record) return undefined;
  const directory = resolve(options.dataDirectory, record.directory);
  return toPlace(record, directory, accountFor(directory, options));
}

/** Decides on a place and makes its folders. Only for whoever holds the lock of the database. */
export async function preparePlace(options: PlaceOptions): Promise<Place> {
  const { dataDirectory } = options;
  mkdirSync(dataDirectory, { recursive: true });
  const record = readRecord(dataDirectory) ?? decide(options);
  const directory = resolve(dataDirectory, record.directory);
  if (record.state === 'ready' && !existsSync(join(directory, 'cluster'))) throw missing(options, directory);
  const account = accountFor(directory, options);
  if (
    isRoot() &&
    account &&
    !directory.startsWith(options.systemDirectory) &&
    !canReach(dataDirectory, account)
  ) {
    return relocate(options, record, directory, account);
  }
  makeFolder(directory, account);
  return toPlace(record, directory, account);
}

/** Records that the cluster is complete. */
export function markReady(options: PlaceOptions, place: Place): void {
  const record = readRecord(options.dataDirectory);
  if (record) writeRecord(options.dataDirectory, { ...record, state: 'ready' });
  place.isReady = true;
}

/** Makes the folder of the socket, private to the account. A short one below /tmp could have been made by anybody. */
export function makeSocketFolder(place: Place): void {
  const { socketDirectory, account } = place;
  if (!existsSync(socketDirectory)) {
    mkdirSync(socketDirectory, { mode: 0o700 });
    if (account) chownSync(socketDirectory, account.uid, account.gid);
  }
  const found = lstatSync(socketDirectory);
  const owner = account?.uid ?? process.getuid?.();
  if (!found.isDirectory() || (owner !== undefined && found.uid !== owner) || (found.mode & 0o077) !== 0) {
    throw new AppError(
      'configuration',
      `The folder ${socketDirectory} for the database's socket belongs to somebody else. Remove it, or choose a data directory with a shorter path.`,
    );
  }
}

/** A short one below /tmp goes with the server; the one in the place of the database stays. */
export function removeSocketFolder({ socketDirectory }: Place): void {
  for (const name of [socketName, `${socketName}.lock`]) removeFileSync(join(socketDirectory, name));
  removeEmptyFolderSync(socketDirectory);
}

function decide(options: PlaceOptions): PlaceRecord {
  const id = randomBytes(8).toString('hex');
  const usual = join(options.dataDirectory, usualDirectory);
  const account = accountFor(usual, options);
  const isUsual = !account || canReach(options.dataDirectory, account);
  const record: PlaceRecord = {
    id,
    directory: isUsual ? usualDirectory : join(options.systemDirectory, id),
    state: 'creating',
  };
  if (!isUsual) makeSystemFolder(options.systemDirectory);
  writeRecord(options.dataDirectory, record);
  return record;
}

/** The data directory was moved to where the account cannot follow: the database moves out, its owner stays. */
async function relocate(
  options: PlaceOptions,
  record: PlaceRecord,
  from: string,
  account: Account,
): Promise<Place> {
  const directory = join(options.systemDirectory, record.id);
  makeSystemFolder(options.systemDirectory);
  if (existsSync(from)) {
    const unfinished = `${directory}.unfinished`;
    await removeTree(options.systemDirectory, basename(unfinished));
    cpSync(from, unfinished, { recursive: true, preserveTimestamps: true, verbatimSymlinks: true });
    // Made anew, with its own rights, at the start.
    await removeTree(unfinished, 'socket');
    giveTo(unfinished, account);
    // Copying does not keep the rights of folders, and PostgreSQL insists on these.
    chmodSync(unfinished, 0o700);
    chmodSync(join(unfinished, 'cluster'), 0o700);
    renameSync(unfinished, directory);
  }
  makeFolder(directory, account);
  const moved = { ...record, directory };
  writeRecord(options.dataDirectory, moved);
  await removeMoved(from);
  return toPlace(moved, directory, account);
}

/** What was copied; what else somebody put beside it stays, with the folder. */
async function removeMoved(directory: string): Promise<void> {
  for (const name of ['cluster', 'cluster.unfinished', 'socket']) await removeTree(directory, name);
  for (const name of await readdir(directory).catch(() => []))
    if (ownCopy.test(name)) await removeTree(directory, name);
  await removeEmptyFolder(directory);
}

function accountFor(directory: string, options: PlaceOptions): Account | undefined {
  const existing = existsSync(directory) ? statSync(directory) : undefined;
  if (!isRoot()) {
    const uid = process.getuid?.();
    if (existing && uid !== undefined && existing.uid !== uid) {
      throw new AppError(
        'configuration',
        `The database in ${directory} belongs to another account (number ${existing.uid}; this is ${uid}): it was probably started as root before. Start it so again, or give the folder to this account.`,
      );
    }
    return undefined;
  }
  const account = chooseAccount(existing && { uid: existing.uid, gid: existing.gid }, options.programUser);
  if (account) return account;
  throw new AppError(
    'configuration',
    'PostgreSQL does not run as root, and this system has no other account for it. Add one called postgres, or set DATABASE_URL to a PostgreSQL server.',
  );
}

function toPlace(record: PlaceRecord, directory: string, account: Account | undefined): Place {
  const clusterDirectory = join(directory, 'cluster');
  const isReady = record.state === 'ready' || existsSync(clusterDirectory);
  return {
    id: record.id,
    directory,
    clusterDirectory,
    socketDirectory: socketDirectory(record.id, directory),
    account,
    isReady,
  };
}

/** The address of a Unix socket has room for 107 bytes. */
const maxSocketPathBytes = 107;
const socketName = '.s.PGSQL.5432';

function socketDirectory(id: string, directory: string): string {
  const usual = join(directory, 'socket');
  const path = join(usual, socketName);
  return Buffer.byteLength(path) <= maxSocketPathBytes
    ? usual
    : join(realpathSync(tmpdir()), `daybook-${id}`);
}

/** Makes the folder of a database; what root made or somebody else owned becomes the account's. */
function makeFolder(path: string, account: Account | undefined): void {
  mkdirSync(path, { recursive: true, mode: 0o700 });
  if (account && lstatSync(path).uid !== account.uid) giveTo(path, account);
}

/** The folder around the databases that cannot lie in their data directory. Each of them is private. */
function makeSystemFolder(path: string): void {
  if (existsSync(path)) return;
  mkdirSync(path, { recursive: true });
  chmodSync(path, 0o755);
}

function readRecord(dataDirectory: string): PlaceRecord | undefined {
  const file = join(dataDirectory, recordFile);
  if (!existsSync(file)) return undefined;
  const record = parseRecord(readFileSync(file, 'utf8'));
  if (record) return record;
  throw new AppError(
    'configuration',
    `${file} is damaged. It says where the database lies; restore it from a backup. Without it, remove it only if the database lies in ${join(dataDirectory, usualDirectory)}.`,
  );
}

function parseRecord(text: string): PlaceRecord | undefined {
  try {
    const { id, directory, state } = JSON.parse(text) as Partial<PlaceRecord>;
    if (!id || !/^[0-9a-f]{16}$/.test(id) || !directory) return undefined;
    return { id, directory, state: state === 'creating' ? 'creating' : 'ready' };
  } catch {
    return undefined;
  }
}

function writeRecord(dataDirectory: string, record: PlaceRecord): void {
  const file = join(dataDirectory, recordFile);
  const unfinished = `${file}.unfinished`;
  // Private: the id names a folder below /tmp when paths are long.
  const descriptor = openSync(unfinished, 'w', 0o600);
  writeSync(descriptor, `${JSON.stringify(record, undefined, 2)}\n`);
  fsyncSync(descriptor);
  closeSync(descriptor);
  renameSync(unfinished, file);
}

function missing(options: PlaceOptions, directory: string): AppError {
  const file = join(options.dataDirectory, recordFile);
  return new AppError(
    'configuration',
    `${file} says that the database lies in ${directory}, but it is not there. Bring that folder back; or, to begin with an empty database, remove ${file}.`,
  );
}
