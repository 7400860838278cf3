/**
 * One sitemap, or an index of some, as sitemaps.org describes them. It comes from strangers: it is unpacked and read in
 * pieces, the event loop runs between two of them, and of the document only its path of open tags and the location
 * under way are kept. Entities are the five of XML; a document type is passed over, so nothing in it is expanded or fetched.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { createGunzip } from 'node:zlib';
import sax from 'sax';
import { createXmlDecoder, type XmlDecoder } from './xml-decoder.ts';

/** What sitemaps.org allows for one document, unpacked. */
export const mostSitemapBytes = 50 * 1024 * 1024;

const pieceBytes = 64 * 1024;
/** Far more than any sitemap has: what is deeper or wider costs time and memory, and means nothing. */
const mostDepth = 50;
const mostAttributes = 100;
/** Longer than any URL that is tested. */
const mostLocationLength = 10_000;

export interface SitemapEntry {
  location: string;
  /** It is a sitemap, listed by an index. */
  isSitemap: boolean;
}

/**
 * Its entries in order. @throws Error with the rest of a sentence that begins with its URL
 */
export async function* readEntries(bytes: Buffer): AsyncGenerator<SitemapEntry> {
  const reader = createReader();
  let decoder: XmlDecoder | null = null;
  for await (const piece of pieces(bytes)) {
    decoder ??= createXmlDecoder(piece);
    yield* reader.read(decoder.decode(piece, false));
  }
  if (decoder) yield* reader.read(decoder.decode(Buffer.alloc(0), true));
  yield* reader.end();
}

async function* pieces(bytes: Buffer): AsyncGenerator<Buffer> {
  const isPacked = bytes[0] === 0x1f && bytes[1] === 0x8b;
  if (isPacked) return yield* unpacked(bytes);
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    yield bytes.subarray(at, at + pieceBytes);
    await nextTurn();
  }
}

async function* unpacked(bytes: Buffer): AsyncGenerator<Buffer> {
  const stream = createGunzip({ chunkSize: pieceBytes });
  stream.end(bytes);
  let size = 0;
  const iterator = stream[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  try {
    for (;;) {
      const next = await iterator.next().catch((error: Error) => {
        throw new Error(`cannot be unpacked: ${error.message}`, { cause: error });
      });
      if (next.done) return;
      size += next.value.length;
      if (size > mostSitemapBytes) throw new Error(`unpacks to more than ${mostSitemapBytes} bytes`);
      yield next.value;
    }
  } finally {
    stream.destroy();
  }
}

interface Reader {
  read(piece: ReturnType<XmlDecoder['decode']>): SitemapEntry[];
  end(): SitemapEntry[];
}

function createReader(): Reader {
  const options = { position: true, strictEntities: true };
  const parser = sax.parser(true, options);
  let found: SitemapEntry[] = [];
  const path: string[] = [];
  let root: Root | null = null;
  let attributes = 0;
  let location: string | null = null;

  const guarded = (action: () => void): SitemapEntry[] => {
    try {
      action();
    } catch (error) {
      const [problem] = (error as Error).message.split('\n', 1);
      throw new Error(`is no sitemap: line ${parser.line + 1}: ${problem}`, { cause: error });
    }
    const entries = found;
    found = [];
    return entries;
  };
  const addText = (text: string): void => {
    if (location !== null && location.length <= mostLocationLength) location += text;
  };
  Object.assign(parser, {
    onerror: (error) => {
      throw error;
    },
    onopentagstart: () => {
      attributes = 0;
    },
    onattribute: () => {
      attributes += 1;
      if (attributes > mostAttributes) throw new Error(`a tag with more than ${mostAttributes} attributes`);
    },
    onopentag: ({ name }) => {
      path.push(name);
      if (path.length > mostDepth) throw new Error(`more than ${mostDepth} tags in each other`);
      root ??= readRoot(name);
      location = path.length === 3 && path.join(' ') === root.locationPath ? '' : null;
    },
    onclosetag: () => {
      if (root && location !== null) found.push({ location: location.trim(), isSitemap: root.isIndex });
      location = null;
      path.pop();
    },
    ontext: addText,
    oncdata: addText,
  } satisfies Partial<sax.SAXParser>);

  return {
    read: ({ text, problem }) =>
      guarded(() => {
        parser.write(text);
        if (problem !== null) throw new Error(problem);
      }),
    end: () =>
      guarded(() => {
        if (!root) throw new Error('there is nothing in it');
        parser.close();
      }),
  };
}

interface Root {
  isIndex: boolean;
  /** The open tags of a page's location, and of nothing else: `image:loc` is an image on a page. */
  locationPath: string;
}

/** Whatever prefix the root has, generators write for all that is the sitemap's own. */
function readRoot(name: string): Root {
  const [, prefix = '', local = ''] = /^([^:]*:)?(.*)$/s.exec(name) ?? [];
  if (local !== 'urlset' && local !== 'sitemapindex')
    throw new Error(`it begins with <${name.slice(0, 100)}>, not with <urlset> or <sitemapindex>`);
  const isIndex = local === 'sitemapindex';
  return {
    isIndex,
    locationPath: [name, `${prefix}${isIndex ? 'sitemap' : 'url'}`, `${prefix}loc`].join(' '),
  };
}
