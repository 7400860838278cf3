import { lstatSync, readlinkSync, type BigIntStats, type Dir, type Stats } from 'node:fs';
import { lstat, opendir, readlink } from 'node:fs/promises';
import type { FolderHandle } from '../../lib/folder-handle.ts';
import { codeOf } from './problems.ts';
import { isHiddenInHome, type EntryKind, type HomeEntry, type Listing } from './ports.ts';

export function toEntry(
  name: Buffer,
  facts: Stats | BigIntStats,
  linkTarget: Buffer | null = null,
): HomeEntry {
  return {
    name,
    kind: kindOf(facts),
    sizeBytes: Number(facts.size),
    modifiedMs: toMs('mtimeNs' in facts ? facts.mtimeNs : facts.mtimeMs),
    mode: Number(facts.mode) & 0o7777,
    uid: Number(facts.uid),
    gid: Number(facts.gid),
    linkCount: Number(facts.nlink),
    linkTarget,
    unique: toUnique(facts),
    isPart: false,
  };
}

/** To the microsecond: times that were set as a fraction of a second come back a few nanoseconds short. */
export function toMs(time: number | bigint): number {
  return Math.round(typeof time === 'bigint' ? Number(time / 100n) / 10 : time * 1000) / 1000;
}

/** RFC 3659, section 7.5.2: equal for all names of one file. */
export function toUnique({ dev, ino }: Pick<Stats | BigIntStats, 'dev' | 'ino'>): string {
  return `${dev.toString(16)}g${ino.toString(16)}`;
}

export function kindOf(facts: Pick<Stats, 'isFile' | 'isDirectory' | 'isSymbolicLink'>): EntryKind {
  if (facts.isFile()) return 'file';
  if (facts.isDirectory()) return 'folder';
  return facts.isSymbolicLink() ? 'link' : 'other';
}

/** The entry itself, also where it is a link. @throws ENOENT */
export async function describe(folder: FolderHandle, name: Buffer): Promise<HomeEntry> {
  const facts = await lstat(folder.at(name));
  return toEntry(name, facts, facts.isSymbolicLink() ? await targetOf(folder, name) : null);
}

/** Null when it is no link any more. */
function targetOf(folder: FolderHandle, name: Buffer): Promise<Buffer | null> {
  return readlink(folder.at(name), { encoding: 'buffer' }).catch((error: unknown) => {
    if (codeOf(error) === 'EINVAL' || codeOf(error) === 'ENOENT') return null;
    throw error;
  });
}

const atOnce = 256;
/** A look that waits for a disk or a network takes longer than this, one into the kernel's memory never does. */
const quickMs = 2;
/** As long may the rest of the process wait for a listing. */
const budgetMs = 4;

/**
 * Names of a folder as they come, the hidden one left out. The listing closes the folder.
 * @throws what keeps the folder from being read
 */
export function listNamesOf(folder: FolderHandle): Promise<Listing<Buffer>> {
  return listingOf(folder, (names) => names);
}

/**
 * Entries of a folder; what vanishes meanwhile is left out. The listing closes the folder.
 * @param more told when the folder was read to its end
 */
export function listEntriesOf(
  folder: FolderHandle,
  more: () => Promise<HomeEntry[]>,
): Promise<Listing<HomeEntry>> {
  return listingOf(folder, async function* (names) {
    let batch: Buffer[] = [];
    for await (const name of names) {
      batch.push(name);
      if (batch.length < atOnce) continue;
      yield* await describeAll(folder, batch);
      batch = [];
    }
    yield* await describeAll(folder, batch);
    yield* await more();
  });
}

async function listingOf<T>(
  folder: FolderHandle,
  toItems: (names: AsyncGenerator<Buffer>) => AsyncGenerator<T>,
): Promise<Listing<T>> {
  // The types know names as text only.
  const options = { encoding: 'buffer' as BufferEncoding, bufferSize: atOnce };
  const reader = await opendir(folder.here(), options).catch(async (error: unknown) => {
    await folder.close();
    throw error;
  });
  const close = onlyOnce(async () => {
    await reader.close();
    await folder.close();
  });
  return {
    close,
    async *[Symbol.asyncIterator]() {
      try {
        yield* toItems(readNames(reader));
      } finally {
        await close();
      }
    },
  };
}

async function* readNames(reader: Dir): AsyncGenerator<Buffer> {
  for (let entry = await reader.read(); entry; entry = await reader.read()) {
    const name = entry.name as unknown as Buffer;
    if (!isHiddenInHome(name)) yield name;
  }
}

/**
 * The first of a batch is looked at in another thread. Where that was quick, the others are looked at in this one, which
 * takes less than half of the time (50 000 entries: 0.6 s of CPU instead of 1.5), and only as long as it stays quick: a file server
 * that hangs holds up the listing, and nothing else.
 */
async function describeAll(folder: FolderHandle, names: readonly Buffer[]): Promise<HomeEntry[]> {
  const [first, ...rest] = names;
  if (!first) return [];
  const startedAt = performance.now();
  const found = [await describe(folder, first).catch(unlessGone)];
  const isQuick = performance.now() - startedAt < quickMs;
  const until = performance.now() + (isQuick ? budgetMs : 0);
  while (performance.now() < until) {
    const name = rest.shift();
    if (!name) break;
    found.push(describeNow(folder, name));
  }
  found.push(...(await Promise.all(rest.map((name) => describe(folder, name).catch(unlessGone)))));
  return found.filter((entry) => entry !== null);
}

function describeNow(folder: FolderHandle, name: Buffer): HomeEntry | null {
  const path = folder.at(name);
  const facts = lstatSync(path, { throwIfNoEntry: false });
  if (!facts) return null;
  try {
    return toEntry(name, facts, facts.isSymbolicLink() ? readlinkSync(path, { encoding: 'buffer' }) : null);
  } catch (error) {
    // The link went, or is something else by now.
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'EINVAL') return null;
    throw error;
  }
}

function unlessGone(error: unknown): null {
  if (codeOf(error) === 'ENOENT') return null;
  throw error;
}

function onlyOnce(action: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | null = null;
  return () => (done ??= action());
}
