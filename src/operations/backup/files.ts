import { createHash, type Hash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { pipeline as connect, Transform, type Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createZstdCompress, createZstdDecompress } from 'node:zlib';
import type { WrittenFile } from './copy-bytes.ts';

/** Streams into a new file and to the disk, compressed. */
export async function writeCompressed(path: string, source: Readable): Promise<WrittenFile> {
  await mkdir(dirname(path), { recursive: true });
  const hash = createHash('sha256');
  const count = { bytes: 0 };
  const target = createWriteStream(path, { flags: 'wx', mode: 0o600, flush: true });
  await pipeline([source, createZstdCompress(), countInto(hash, count), target]);
  return { bytes: count.bytes, sha256: hash.digest('hex') };
}

/** What `writeCompressed` wrote. A file that cannot be read fails whoever reads the stream. */
export function readCompressed(path: string): Readable {
  const plain = createZstdDecompress();
  // `pipe` would leave an error of the file to nobody, which ends the process.
  connect(createReadStream(path), plain, () => {});
  return plain;
}

export async function hashOf(path: string | Buffer): Promise<WrittenFile> {
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const piece of createReadStream(path) as AsyncIterable<Buffer>) {
    hash.update(piece);
    bytes += piece.length;
  }
  return { bytes, sha256: hash.digest('hex') };
}

function countInto(hash: Hash, count: { bytes: number }): Transform {
  return new Transform({
    transform: (piece: Buffer, _encoding, done) => {
      hash.update(piece);
      count.bytes += piece.length;
      done(null, piece);
    },
  });
}

/** Makes names of a directory last over a power cut. */
export async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
