import type { Transform } from 'node:stream';
import {
  createBrotliDecompress,
  createGunzip,
  createInflate,
  createInflateRaw,
  createZstdDecompress,
} from 'node:zlib';
import { charsetOf } from './charset.ts';

/** Of a body as it came over the wire; enough for any condition on it. */
const keptWireBytes = 1024 * 1024;

/** Of a body as text: a small answer may unpack to gigabytes. What lies behind, conditions do not see. */
const keptTextBytes = 1024 * 1024;

/** Counts all of a body and keeps its beginning. */
export class BodyCollector {
  bytes = 0;
  /** Longer than its limit. */
  isCut = false;
  readonly #maxBytes: number;
  readonly #keepBytes: number;
  readonly #parts: Buffer[] = [];
  #keptBytes = 0;

  constructor(maxBytes: number, keepBytes = keptWireBytes) {
    this.#maxBytes = maxBytes;
    this.#keepBytes = keepBytes;
  }

  /** False: this was enough, the rest is not wanted. */
  add(chunk: Buffer): boolean {
    const wanted = chunk.subarray(0, this.#maxBytes - this.bytes);
    this.bytes += wanted.length;
    this.isCut = wanted.length < chunk.length;
    const room = this.#keepBytes - this.#keptBytes;
    if (room > 0) {
      const part = wanted.subarray(0, room);
      this.#parts.push(part);
      this.#keptBytes += part.length;
    }
    return !this.isCut;
  }

  get kept(): Buffer {
    return Buffer.concat(this.#parts);
  }

  /** What was kept is not all there is. */
  get isPartial(): boolean {
    return this.isCut || this.bytes > this.#keptBytes;
  }

  start(bytes: number): { kept: Buffer; isPartial: boolean } {
    const { kept } = this;
    return { kept: kept.subarray(0, bytes), isPartial: this.isPartial || kept.length > bytes };
  }
}

export interface BodyText {
  text: string;
  /** There is more, which was not read. */
  isCut: boolean;
  /** Unpacked, of which this is the text. */
  bytes: number;
  /** Codings by names that nobody knows, which were left as they are. */
  unknownCodings: string[];
}

export interface BodyForm {
  /** As headers say it: `gzip, br`, in the order they were applied. */
  codings: string;
  contentType: string;
  /** The bytes end too early because no more were kept. */
  isPartial: boolean;
}

/**
 * The beginning of a body as text.
 * @throws Error when a coding is broken
 */
export async function readText(
  bytes: Buffer,
  { codings, contentType, isPartial }: BodyForm,
): Promise<BodyText> {
  let body = { bytes, isCut: isPartial };
  const names = codings
    .toLowerCase()
    .split(',')
    .map((name) => name.trim());
  for (const name of names.toReversed()) body = await unpack(body, name);
  const decoder = new TextDecoder(charsetOf(body.bytes, contentType));
  // A character that we cut through is left out; it is no broken one.
  const text = decoder.decode(body.bytes, { stream: body.isCut });
  return {
    text: text.replaceAll('\0', '\u{FFFD}'),
    isCut: body.isCut,
    bytes: body.bytes.length,
    unknownCodings: names.filter((name) => !isKnown(name)),
  };
}

/** Of every coding. */
const endsEarly = 'Z_BUF_ERROR';

interface Bytes {
  bytes: Buffer;
  isCut: boolean;
}

const unpackers = {
  gzip: createGunzip,
  'x-gzip': createGunzip,
  deflate: createInflate,
  br: createBrotliDecompress,
  zstd: createZstdDecompress,
} as const;

function isKnown(name: string): boolean {
  return name === '' || name === 'identity' || name === 'chunked' || Object.hasOwn(unpackers, name);
}

async function unpack(body: Bytes, name: string): Promise<Bytes> {
  if (body.bytes.length === 0 || !Object.hasOwn(unpackers, name)) return body;
  try {
    return await unpackBy(unpackers[name as keyof typeof unpackers](), body);
  } catch (error) {
    // Some servers send it without the frame of zlib (RFC 9110, 8.4.1.2, note).
    const raw = name === 'deflate' ? await unpackBy(createInflateRaw(), body).catch(() => null) : null;
    if (raw) return raw;
    throw new Error(`the body is no valid ${name}: ${(error as Error).message}`, { cause: error });
  }
}

function unpackBy(stream: Transform, { bytes, isCut: isPartial }: Bytes): Promise<Bytes> {
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    let size = 0;
    const finish = (isCut: boolean): void => {
      stream.destroy();
      resolve({ bytes: Buffer.concat(parts).subarray(0, keptTextBytes), isCut });
    };
    stream.on('data', (part: Buffer) => {
      parts.push(part);
      size += part.length;
      if (size > keptTextBytes) finish(true);
    });
    stream.on('end', () => finish(isPartial));
    stream.on('error', (error: NodeJS.ErrnoException) => {
      // Cut off by us, it ends in the middle, perhaps of its first block.
      if (isPartial && (size > 0 || error.code === endsEarly)) finish(true);
      else reject(error);
    });
    stream.end(bytes);
  });
}
