import { join } from 'node:path';
import type { Manifest, TableEntry } from '../../contract/backup.ts';
import { hashOf, readCompressed } from './files.ts';
import { decodeName, joinBytes } from './names.ts';
import { damaged, readManifest, tableFile } from './manifest.ts';

/**
 * Reads a whole backup: every file has the bytes that were written, and every table as many rows as were read.
 * @throws AppError `invalid_input` naming the first file that is not as it should be
 */
export async function verifyBackup(directory: string): Promise<Manifest> {
  const manifest = await readManifest(directory);
  for (const table of manifest.tables) await verifyTable(directory, table);
  for (const { path, bytes, sha256 } of manifest.files) {
    await verifyFile(directory, path, { bytes, sha256 });
  }
  const places = new Set(manifest.files.map(({ path }) => path));
  for (const { path, to } of manifest.hardLinks)
    if (!places.has(to)) throw damaged(directory, `${path} is another name of ${to}, which it does not have`);
  return manifest;
}

async function verifyTable(directory: string, { name, rows, bytes, sha256 }: TableEntry): Promise<void> {
  const path = tableFile(name);
  await verifyFile(directory, path, { bytes, sha256 });
  const found = await countLines(join(directory, path));
  if (found !== rows) throw damaged(directory, `${path} has ${found} rows, not ${rows}`);
}

async function verifyFile(
  directory: string,
  path: string,
  { bytes, sha256 }: { bytes: number; sha256: string },
): Promise<void> {
  const found = await hashOf(joinBytes(directory, decodeName(path))).catch(() => null);
  if (!found) throw damaged(directory, `${path} is missing or cannot be read`);
  if (found.bytes !== bytes) throw damaged(directory, `${path} has ${found.bytes} bytes, not ${bytes}`);
  if (found.sha256 !== sha256) throw damaged(directory, `${path} is not what was written (SHA-256 differs)`);
}

/** Line ends inside a value are escaped by COPY, so lines are rows. */
async function countLines(path: string): Promise<number> {
  let count = 0;
  for await (const piece of readCompressed(path) as AsyncIterable<Buffer>) {
    for (let at = piece.indexOf(10); at >= 0; at = piece.indexOf(10, at + 1)) count += 1;
  }
  return count;
}
