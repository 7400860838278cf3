import { isUtf8 } from 'node:buffer';
import { constants, type Dirent } from 'node:fs';
import { open, opendir, type FileHandle } from 'node:fs/promises';
import { codeOf } from './attempt-folders.ts';

/** More is not looked at. */
const maxEntries = 10_000;
const maxDepth = 30;

/** A file that a program left, open to be read; or why it is not taken. The reader closes the handle. */
export type MadeFile = { name: string; file: FileHandle; sizeBytes: number } | { name: string; why: string };

export interface MadeFilesOptions {
  /** Files of others are not taken; null: whoever's. */
  uid: number | null;
  /** Names not to be looked at again. */
  known: ReadonlySet<string>;
}

/**
 * Walks what a program left in its output folder, in order of name. Programs of the same account may still run and
 * change the tree under us, and we may be root: so nothing is opened by a path that could meanwhile lead elsewhere,
 * but each entry by its folder, which is held open. Links are never followed, and only regular files are read: a pipe
 * would make us wait, and a hard link to a file of somebody else would hand it out.
 */
export async function* walkMadeFiles(path: string, options: MadeFilesOptions): AsyncGenerator<MadeFile> {
  yield* walk(path, { ...options, prefix: '', depth: 1, count: { left: maxEntries } });
}

interface Place extends MadeFilesOptions {
  prefix: string;
  depth: number;
  /** Shared by all folders of a walk. */
  count: { left: number };
}

async function* walk(path: string, place: Place): AsyncGenerator<MadeFile> {
  const folder = await open(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW).catch(
    (error: unknown) => toReason(error),
  );
  if (typeof folder === 'string') return yield { name: place.prefix.slice(0, -1) || '.', why: folder };
  try {
    // Elsewhere than on Linux, where only development runs, there is no way by the descriptor.
    const held = process.platform === 'linux' ? `/proc/self/fd/${folder.fd}` : path;
    const { entries, isWhole } = await readEntries(held, place.count);
    for (const entry of entries) yield* look(held, entry, place);
    if (!isWhole) yield { name: `${place.prefix}…`, why: `there are more than ${maxEntries} entries` };
  } finally {
    await folder.close();
  }
}

type Entry = Dirent<Buffer>;

async function readEntries(
  path: string,
  count: Place['count'],
): Promise<{ entries: Entry[]; isWhole: boolean }> {
  const entries: Entry[] = [];
  // The types know names as text only.
  const folder = await opendir(path, { encoding: 'buffer' as BufferEncoding });
  for await (const entry of folder as unknown as AsyncIterable<Entry>) {
    // Leaving the loop closes the folder.
    if (count.left === 0) return { entries, isWhole: false };
    count.left -= 1;
    entries.push(entry);
  }
  return { entries: entries.sort((a, b) => Buffer.compare(a.name, b.name)), isWhole: true };
}

async function* look(held: string, entry: Entry, place: Place): AsyncGenerator<MadeFile> {
  const name = `${place.prefix}${entry.name.toString()}`;
  if (!isUtf8(entry.name)) return yield { name, why: 'its name is no UTF-8' };
  if (Buffer.byteLength(name) > 1_000) return yield { name, why: 'its name is longer than 1000 bytes' };
  const path = `${held}/${entry.name.toString()}`;
  if (entry.isDirectory()) {
    if (place.depth === maxDepth) return yield { name, why: `more than ${maxDepth} folders deep` };
    return yield* walk(path, { ...place, prefix: `${name}/`, depth: place.depth + 1 });
  }
  if (place.known.has(name)) return;
  if (!entry.isFile()) return yield { name, why: entry.isSymbolicLink() ? 'a link' : 'no regular file' };
  yield openFile(path, name, place.uid);
}

async function openFile(path: string, name: string, uid: number | null): Promise<MadeFile> {
  // It may have become a pipe since: not to wait for a writer.
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  const file = await open(path, flags).catch((error: unknown) => toReason(error));
  if (typeof file === 'string') return { name, why: file };
  const facts = await file.stat();
  const why = !facts.isFile()
    ? 'no regular file'
    : uid !== null && facts.uid !== uid
      ? 'belongs to somebody else'
      : null;
  if (why === null) return { name, file, sizeBytes: facts.size };
  await file.close();
  return { name, why };
}

export function toReason(error: unknown): string {
  const code = codeOf(error);
  if (code === 'ENOENT') return 'it was removed meanwhile';
  if (code === 'ELOOP' || code === 'ENOTDIR') return 'a link';
  return `it cannot be read (${code ?? String(error)})`;
}
