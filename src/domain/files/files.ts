import { createHash, randomUUID } from 'node:crypto';
import { promisify } from 'node:util';
import { constants, zstdCompress, zstdDecompress } from 'node:zlib';
import { AppError } from '../../contract/errors.ts';
import { formatBytes } from '../../lib/size.ts';
import type { FileChunk, Files, FileStore, StoredFile, StoreOptions } from './ports.ts';

export interface FilesOptions {
  store: FileStore;
  limitBytes: number;
  /** Why nothing more is accepted now. */
  obstacle(): string | null;
}

/** Larger ones do not make it faster, and each stands in memory a few times. */
const chunkBytes = 256 * 1024;

const compress = promisify(zstdCompress);
const decompress = promisify(zstdDecompress);
const packing = { params: { [constants.ZSTD_c_compressionLevel]: 1 } };

export function createFiles({ store, limitBytes: usualLimit, obstacle }: FilesOptions): Files {
  const requireRoom = (): void => {
    const full = obstacle();
    if (full !== null) throw new AppError('storage_full', full);
  };
  const write = async (
    id: string,
    bytes: AsyncIterable<Uint8Array>,
    { owner, limitBytes = usualLimit, madeBy = null }: StoreOptions,
  ): Promise<StoredFile> => {
    const hash = createHash('sha256');
    let sizeBytes = 0;
    let lastChunk: FileChunk | null = null;
    for await (const plain of inChunks(bytes)) {
      if (sizeBytes + plain.length > limitBytes) throw tooLarge(limitBytes);
      requireRoom();
      hash.update(plain);
      if (lastChunk?.firstByte === 0) await store.begin(id, owner);
      if (lastChunk) await store.append(id, lastChunk);
      lastChunk = { firstByte: sizeBytes, sizeBytes: plain.length, ...(await pack(plain)) };
      sizeBytes += plain.length;
    }
    const file = { id, sizeBytes, sha256: hash.digest('hex') };
    const isNamed = await store.complete({ ...file, owner, lastChunk, madeBy });
    if (madeBy && !isNamed) await store.discard(id);
    return file;
  };
  return {
    limitBytes: usualLimit,
    store: async (bytes, options) => {
      const { expectedBytes = 0, limitBytes = usualLimit } = options;
      if (expectedBytes > limitBytes) throw tooLarge(limitBytes);
      requireRoom();
      const id = randomUUID();
      try {
        return await write(id, bytes, options);
      } catch (error) {
        // Where the database is away it stays, without a name, until the housekeeper comes by.
        await store.discard(id).catch(() => {});
        throw error;
      }
    },
    read: (file, range = { first: 0, last: file.sizeBytes - 1 }) => read(store, file, range),
  };
}

async function* read(
  store: FileStore,
  { id }: StoredFile,
  { first, last }: { first: number; last: number },
): AsyncGenerator<Buffer> {
  for (let at = first; at <= last;) {
    const chunk = await store.chunkAt(id, at);
    if (!chunk) throw new Error(`Byte ${at} of the stored file ${id} is not there.`);
    const plain = await unpack(chunk);
    yield plain.subarray(at - chunk.firstByte, last + 1 - chunk.firstByte);
    at = chunk.firstByte + chunk.sizeBytes;
  }
}

/** Small pieces put together, large ones cut. */
async function* inChunks(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  let parts: Uint8Array[] = [];
  let gathered = 0;
  for await (const piece of bytes) {
    for (let start = 0; start < piece.length;) {
      const part = piece.subarray(start, start + chunkBytes - gathered);
      parts.push(part);
      gathered += part.length;
      start += part.length;
      if (gathered < chunkBytes) continue;
      yield Buffer.concat(parts);
      parts = [];
      gathered = 0;
    }
  }
  if (gathered > 0) yield Buffer.concat(parts);
}

async function pack(plain: Buffer): Promise<Pick<FileChunk, 'codec' | 'data'>> {
  const packed = await compress(plain, packing);
  // Pictures and archives do not shrink; reading them back should cost nothing.
  return packed.length < plain.length * 0.9
    ? { codec: 'zstd', data: packed }
    : { codec: 'plain', data: plain };
}

async function unpack({ codec, data, sizeBytes }: FileChunk): Promise<Buffer> {
  if (codec === 'plain') return Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  return decompress(data, { chunkSize: Math.max(64, sizeBytes) });
}

function tooLarge(limitBytes: number): AppError {
  return new AppError(
    'payload_too_large',
    `The file is larger than ${formatBytes(limitBytes)}, the most that is taken here. Make it smaller, or ask whoever runs the server to raise DAYBOOK_FILE_LIMIT.`,
  );
}
