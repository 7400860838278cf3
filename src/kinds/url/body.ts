import { createBrotliDecompress, createGunzip, createInflate, createZstdDecompress } from 'node:zlib';

/** Of a body as it came over the wire; enough for any condition on it. */
const keptWireBytes = 1024 * 1024;

/** Of a body as text: a small answer may unpack to gigabytes. */
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
}

export interface BodyText {
  text: string;
  /** There is more, which was not read. */
  isCut: boolean;
}

/**
 * The beginning of a body as text.
 * @param isPartial the bytes end too early because no more were kept
 * @throws Error when its encoding is unknown or broken
 */
export async function readText(
  bytes: Buffer,
  { encoding, contentType, isPartial }: { encoding: string; contentType: string; isPartial: boolean },
): Promise<BodyText> {
  const unpacked = await unpack(bytes, encoding.trim().toLowerCase(), isPartial);
  const charset = /charset\s*=\s*"?([\w-]+)/i.exec(contentType)?.[1] ?? 'utf-8';
  return {
    text: decoderFor(charset).decode(unpacked.bytes).replaceAll('\0', '\u{FFFD}'),
    isCut: unpacked.isCut,
  };
}

function decoderFor(charset: string): { decode(bytes: Buffer): string } {
  try {
    return new TextDecoder(charset);
  } catch {
    // A name nobody knows: the bytes are shown as well as they can be.
    return new TextDecoder();
  }
}

const unpackers = {
  gzip: createGunzip,
  'x-gzip': createGunzip,
  deflate: createInflate,
  br: createBrotliDecompress,
  zstd: createZstdDecompress,
} as const;

function unpack(
  bytes: Buffer,
  encoding: string,
  isPartial: boolean,
): Promise<{ bytes: Buffer; isCut: boolean }> {
  if (encoding === '' || encoding === 'identity' || bytes.length === 0)
    return Promise.resolve({ bytes: bytes.subarray(0, keptTextBytes), isCut: isPartial });
  if (!Object.hasOwn(unpackers, encoding))
    return Promise.reject(new Error(`the encoding ${encoding} is not known`));
  const stream = unpackers[encoding as keyof typeof unpackers]();
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
    stream.on('error', (error) => {
      // Cut off by us, it ends in the middle.
      if (isPartial && size > 0) finish(true);
      else reject(new Error(`the body is no valid ${encoding}: ${error.message}`));
    });
    stream.end(bytes);
  });
}
