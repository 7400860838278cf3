import { isHomeError, type HomeEntry, type HomeView } from '../../domain/home/ports.ts';
import { fromBytes, toBytes, type Bytes } from './bytes.ts';
import { isPattern, matches } from './patterns.ts';
import { folderOf, lastPart, pathIn, resolvePath } from './paths.ts';

/** What a listing is made of. Not every name fits on a line. */
export interface Listed<T> {
  lines(toLine: (item: T, name: Bytes) => Bytes): AsyncGenerator<Bytes>;
  /** Of names with a line break in them: a line would end in its middle, and forge another one (RFC 2577). */
  readonly hidden: number;
  /** When its lines are not asked for. */
  close(): Promise<void>;
}

export interface ListingPlace {
  view: HomeView;
  /** Of the session. */
  folder: Bytes;
}

/**
 * What LIST and STAT show of an argument. Options, such as `-al`, are those of `ls`, which many clients send and nobody
 * means anything by; a name that is there goes before an option, and before a pattern.
 */
export async function listEntries(place: ListingPlace, argument: Bytes): Promise<Listed<HomeEntry>> {
  const { view } = place;
  const given = await withoutOptions(place, argument);
  const path = pathOf(place, given);
  return orAlone(place, given, {
    folder: async () => {
      const listing = await view.list(path);
      return listed(
        listing,
        () => listing.close(),
        ({ name }) => toBytes(name),
      );
    },
    alone: async () => {
      const entry = await lookAt(view, path);
      return listed(
        only(entry),
        async () => {},
        () => given,
      );
    },
    matching: async (folder, pattern, prefix) => {
      const listing = await view.list(folder);
      const names = keep(listing, ({ name }) => matches(pattern, toBytes(name)));
      return listed(
        names,
        () => listing.close(),
        ({ name }) => prefix + toBytes(name),
      );
    },
  });
}

/** The same for NLST: names as RETR takes them from here, so with the folder that was given (RFC 1123, section 4.1.2.7). */
export async function listNames(place: ListingPlace, argument: Bytes): Promise<Listed<Buffer>> {
  const { view } = place;
  const given = await withoutOptions(place, argument);
  const path = pathOf(place, given);
  return orAlone(place, given, {
    folder: async () => {
      const prefix = given === '' || given === '.' ? '' : pathIn(given, '');
      const listing = await view.listNames(path);
      return listed(
        listing,
        () => listing.close(),
        (name) => prefix + toBytes(name),
      );
    },
    alone: async () => {
      const { name } = await lookAt(view, path);
      return listed(
        only(name),
        async () => {},
        () => given,
      );
    },
    matching: async (folder, pattern, prefix) => {
      const listing = await view.listNames(folder);
      const names = keep(listing, (name) => matches(pattern, toBytes(name)));
      return listed(
        names,
        () => listing.close(),
        (name) => prefix + toBytes(name),
      );
    },
  });
}

/** Of MLSD: a folder, nothing else (RFC 3659, section 7.2). */
export async function listFolder(
  { view, folder }: ListingPlace,
  argument: Bytes,
): Promise<Listed<HomeEntry>> {
  const listing = await view.list(fromBytes(resolvePath(folder, argument)));
  return listed(
    listing,
    () => listing.close(),
    ({ name }) => toBytes(name),
  );
}

interface Ways<T> {
  folder(): Promise<Listed<T>>;
  /** What is no folder is listed itself. */
  alone(): Promise<Listed<T>>;
  matching(folder: Buffer, pattern: Bytes, prefix: Bytes): Promise<Listed<T>>;
}

async function orAlone<T>(place: ListingPlace, given: Bytes, ways: Ways<T>): Promise<Listed<T>> {
  try {
    return await ways.folder();
  } catch (error) {
    if (isHomeError(error) && error.code === 'not-folder') return ways.alone();
    if (!isHomeError(error) || error.code !== 'not-found') throw error;
    if (await isThere(place, given)) return ways.alone();
    if (!isPattern(given)) throw error;
    const prefix = given.includes('/') ? pathIn(folderOf(given), '') : '';
    return ways.matching(pathOf(place, prefix), lastPart(given), prefix);
  }
}

function pathOf({ folder }: ListingPlace, given: Bytes): Buffer {
  return fromBytes(resolvePath(folder, given));
}

/** A link that leads nowhere is there, too. */
async function isThere(place: ListingPlace, given: Bytes): Promise<boolean> {
  try {
    await place.view.lstat(pathOf(place, given));
    return true;
  } catch (error) {
    if (isHomeError(error)) return false;
    throw error;
  }
}

async function withoutOptions(place: ListingPlace, argument: Bytes): Promise<Bytes> {
  const options = /^(-[A-Za-z1]+( +|$))+/.exec(argument);
  if (!options || (await isThere(place, argument))) return argument;
  return argument.slice(options[0].length);
}

/** The file that a link leads to, with the name of the link; the link itself where it leads nowhere. */
async function lookAt(view: HomeView, path: Buffer): Promise<HomeEntry> {
  try {
    return await view.stat(path);
  } catch (error) {
    if (isHomeError(error) && error.code === 'not-found') return view.lstat(path);
    throw error;
  }
}

async function* only<T>(item: T): AsyncGenerator<T> {
  yield item;
}

async function* keep<T>(items: AsyncIterable<T>, isKept: (item: T) => boolean): AsyncGenerator<T> {
  for await (const item of items) if (isKept(item)) yield item;
}

function listed<T>(
  items: AsyncIterable<T>,
  close: () => Promise<void>,
  nameOf: (item: T) => Bytes,
): Listed<T> {
  let hidden = 0;
  return {
    async *lines(toLine) {
      for await (const item of items) {
        const name = nameOf(item);
        if (/[\r\n\0]/.test(name)) hidden += 1;
        else yield toLine(item, name);
      }
    },
    get hidden() {
      return hidden;
    },
    close,
  };
}
