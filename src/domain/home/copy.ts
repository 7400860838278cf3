import { constants } from 'node:fs';
import { chmod, copyFile, truncate, type FileHandle } from 'node:fs/promises';
import type { HeldEntry } from '../../lib/held-entry.ts';

const pieceBytes = 1024 * 1024;

/** By the kernel, which shares the bytes where the file system can (copy_file_range(2)). */
export async function copyInto(
  path: Buffer,
  { entry, sizeBytes }: { entry: HeldEntry; sizeBytes: number },
): Promise<void> {
  await copyFile(entry.here(), path, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
  await chmod(path, 0o600);
  // It may have grown meanwhile.
  await truncate(path, sizeBytes);
}

/** Copies bytes from `from` to before `end` of one file to `to` of another. */
export async function copyBytes(
  source: FileHandle,
  target: FileHandle,
  { from, end, to }: { from: number; end: number; to: number },
): Promise<void> {
  const buffer = Buffer.allocUnsafe(pieceBytes);
  for (let at = from; at < end;) {
    const { bytesRead } = await source.read(buffer, 0, Math.min(pieceBytes, end - at), at);
    if (bytesRead === 0) throw new Error('An upload became shorter in its hidden place.');
    for (let done = 0; done < bytesRead;) {
      const { bytesWritten } = await target.write(buffer, done, bytesRead - done, to + at - from + done);
      done += bytesWritten;
    }
    at += bytesRead;
  }
}
