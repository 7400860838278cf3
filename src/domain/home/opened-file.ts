import { createHash } from 'node:crypto';
import type { BigIntStats } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { toMs } from './entries.ts';
import { homeError, toHomeError } from './problems.ts';
import type { ByteRange, HomePath, OpenedFile } from './ports.ts';

const pieceBytes = 256 * 1024;

/** @param path as the reader wrote it, for words */
export function createOpenedFile(file: FileHandle, facts: BigIntStats, path: HomePath): OpenedFile {
  const sizeBytes = Number(facts.size);
  let closed: Promise<void> | null = null;
  return {
    sizeBytes,
    modifiedMs: toMs(facts.mtimeNs),
    validator: toValidator(facts),
    bytes: (range = {}) => read(file, range, { sizeBytes, path }),
    readInto: (target, position) => readInto(file, target, { position, stop: sizeBytes, path }),
    close: () => (closed ??= file.close()),
  };
}

/** Differs whenever the bytes may. */
export function toValidator({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): string {
  return [dev, ino, size, mtimeNs, ctimeNs].map((number) => number.toString(36)).join('-');
}

/** SHA-256 in hexadecimal of what it reads. */
export async function hashBytes(bytes: AsyncIterable<Buffer>): Promise<string> {
  const hash = createHash('sha256');
  for await (const piece of bytes) hash.update(piece);
  return hash.digest('hex');
}

async function* read(
  file: FileHandle,
  { first = 0, end, signal }: ByteRange,
  { sizeBytes, path }: { sizeBytes: number; path: HomePath },
): AsyncGenerator<Buffer> {
  const stop = Math.min(end ?? sizeBytes, sizeBytes);
  for (let position = first; position < stop;) {
    signal?.throwIfAborted();
    const buffer = Buffer.allocUnsafe(Math.min(pieceBytes, stop - position));
    const bytesRead = await readInto(file, buffer, { position, stop, path });
    position += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}

async function readInto(
  file: FileHandle,
  target: Uint8Array,
  { position, stop, path }: { position: number; stop: number; path: HomePath },
): Promise<number> {
  const length = Math.min(target.length, stop - position);
  if (length <= 0) return 0;
  const { bytesRead } = await file.read(target, 0, length, position).catch((error: unknown) => {
    throw toHomeError(error, path);
  });
  if (bytesRead === 0)
    throw homeError('changed', path, 'it became shorter while it was read; read it again.');
  return bytesRead;
}
