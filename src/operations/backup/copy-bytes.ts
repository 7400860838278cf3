import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';

export interface WrittenFile {
  bytes: number;
  sha256: string;
}

/** What could not be read, as against what could not be written. */
export class ReadFailure extends Error {}

const pieceBytes = 1024 * 1024;
/** What file systems allot at least. */
const blockBytes = 4096;
const noBytes = Buffer.alloc(blockBytes);

/**
 * Copies the first bytes of a file into a new one and to the disk. With `isSparse` blocks of zeros become holes, so that
 * it takes no more room than the one it is made from. (Node cannot ask where the holes are; to read them costs no disk.)
 * @param limitBytes a file that grows while it is read would never end
 * @throws ReadFailure, or what writing throws
 */
export async function copyBytes(
  source: FileHandle,
  target: FileHandle,
  { limitBytes, isSparse }: { limitBytes: number; isSparse: boolean },
): Promise<WrittenFile> {
  const hash = createHash('sha256');
  const buffer = Buffer.allocUnsafe(Math.min(pieceBytes, Math.max(limitBytes, 1)));
  let at = 0;
  while (at < limitBytes) {
    const { bytesRead } = await source
      .read(buffer, 0, Math.min(buffer.length, limitBytes - at), at)
      .catch((error: unknown) => {
        throw new ReadFailure(String(error), { cause: error });
      });
    if (bytesRead === 0) break;
    const piece = buffer.subarray(0, bytesRead);
    hash.update(piece);
    for (const [from, to] of isSparse ? partsWithData(piece) : [[0, bytesRead] as const])
      await writeAll(target, piece.subarray(from, to), at + from);
    at += bytesRead;
  }
  if (isSparse) await target.truncate(at);
  await target.sync();
  return { bytes: at, sha256: hash.digest('hex') };
}

/** Runs of blocks that are not all zeros. */
function partsWithData(piece: Buffer): [number, number][] {
  const parts: [number, number][] = [];
  for (let from = 0; from < piece.length; from += blockBytes) {
    const to = Math.min(from + blockBytes, piece.length);
    if (piece.subarray(from, to).equals(noBytes.subarray(0, to - from))) continue;
    const last = parts.at(-1);
    if (last?.[1] === from) last[1] = to;
    else parts.push([from, to]);
  }
  return parts;
}

async function writeAll(target: FileHandle, bytes: Buffer, position: number): Promise<void> {
  for (let written = 0; written < bytes.length;)
    written += (await target.write(bytes, written, bytes.length - written, position + written)).bytesWritten;
}
