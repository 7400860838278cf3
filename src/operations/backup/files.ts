import { createHash, type Hash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { lstat, mkdir, open, readdir, readlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Transform, type Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createZstdCompress } from 'node:zlib';
import type { Manifest } from '../../contract/backup.ts';

export interface WrittenFile {
  bytes: number;
  sha256: string;
}

/** Streams into a new file and to the disk. */
export async function writeFileFrom(
  path: string,
  source: Readable,
  options: { isCompressed: boolean; mode?: number },
): Promise<WrittenFile> {
  await mkdir(dirname(path), { recursive: true });
  const hash = createHash('sha256');
  const count = { bytes: 0 };
  const target = createWriteStream(path, { flags: 'wx', mode: options.mode ?? 0o600, flush: true });
  const stages = options.isCompressed ? [source, createZstdCompress()] : [source];
  await pipeline([...stages, countInto(hash, count), target]);
  return { bytes: count.bytes, sha256: hash.digest('hex') };
}

export async function hashOf(path: string): Promise<WrittenFile> {
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

export type Tree = Pick<Manifest, 'files' | 'links' | 'directories'>;

/** Copies a tree. A file that vanishes meanwhile is left out; what is neither file, folder nor link is, too. */
export async function copyTree(from: string, to: string, prefix: string): Promise<Tree> {
  const tree: Tree = { files: [], links: [], directories: [] };
  const visit = async (path: string): Promise<void> => {
    const source = join(from, path);
    const facts = await lstat(source).catch(() => null);
    const entry = join(prefix, path);
    if (facts?.isSymbolicLink()) tree.links.push({ path: entry, target: await readlink(source) });
    if (facts?.isFile()) await copyFile(source, { entry, mode: facts.mode & 0o7777 });
    if (!facts?.isDirectory()) return;
    tree.directories.push({ path: entry, mode: facts.mode & 0o7777 });
    for (const name of (await readdir(source)).sort()) await visit(join(path, name));
  };
  const copyFile = async (
    source: string,
    { entry, mode }: { entry: string; mode: number },
  ): Promise<void> => {
    const handle = await open(source).catch(() => null);
    if (!handle) return;
    const written = await writeFileFrom(join(to, entry), handle.createReadStream(), { isCompressed: false });
    tree.files.push({ path: entry, mode, ...written });
  };
  await visit('');
  return tree;
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
