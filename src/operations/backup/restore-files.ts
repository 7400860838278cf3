import { chmod, chown, lchown, link, lutimes, mkdir, open, symlink, utimes } from 'node:fs/promises';
import type { Manifest } from '../../contract/backup.ts';
import type { Account } from '../../lib/file-access.ts';
import { copyBytes } from './copy-bytes.ts';
import { decodeName, joinBytes } from './names.ts';

export interface FilesPlace {
  /** Where they stand in the backup. */
  prefix: string;
  /** Where they go. */
  to: string;
  /** Of what was the programs', and of a former backup, which knows no owners; null: whoever restores. */
  owner: Account | null;
}

type Entry = Pick<Manifest['links'][number], 'modifiedNs' | 'owner'>;

/** Puts files, folders and links of a verified backup where they belong, with their rights, times and, by root, owners. */
export async function restoreTree(
  { directory, manifest }: { directory: string; manifest: Manifest },
  { prefix, to, owner }: FilesPlace,
): Promise<void> {
  const toTarget = (path: string): Buffer =>
    Buffer.concat([Buffer.from(to), decodeName(path).subarray(Buffer.byteLength(prefix))]);
  const isHere = ({ path }: { path: string }): boolean => path === prefix || path.startsWith(`${prefix}/`);
  const ownerOf = (entry: Entry): Account | null => {
    if (process.getuid?.() !== 0) return null;
    return entry.owner && entry.owner.uid !== manifest.programs?.uid ? entry.owner : owner;
  };
  const finish = async (path: Buffer, facts: Entry & { mode: number }): Promise<void> => {
    const theirs = ownerOf(facts);
    if (theirs) await chown(path, theirs.uid, theirs.gid);
    await chmod(path, facts.mode);
    const at = toSeconds(facts.modifiedNs);
    if (at !== null) await utimes(path, at, at);
  };
  const directories = manifest.directories.filter(isHere);
  for (const { path } of directories) await mkdir(toTarget(path), { recursive: true });
  for (const file of manifest.files.filter(isHere)) {
    await restoreFile(joinBytes(directory, decodeName(file.path)), toTarget(file.path), file);
    await finish(toTarget(file.path), file);
  }
  for (const { path, to: first } of manifest.hardLinks.filter(isHere))
    await link(toTarget(first), toTarget(path));
  for (const one of manifest.links.filter(isHere)) {
    const path = toTarget(one.path);
    await symlink(decodeName(one.target), path);
    const theirs = ownerOf(one);
    if (theirs) await lchown(path, theirs.uid, theirs.gid);
    const at = toSeconds(one.modifiedNs);
    if (at !== null) await lutimes(path, at, at);
  }
  // Last, and the innermost first: a folder that must not be written could not have been filled, and filling changes its time.
  for (const one of directories.reverse()) await finish(toTarget(one.path), one);
}

async function restoreFile(
  from: Buffer,
  to: Buffer,
  { bytes, isSparse = false }: Manifest['files'][number],
): Promise<void> {
  const source = await open(from);
  try {
    const target = await open(to, 'wx', 0o600);
    try {
      await copyBytes(source, target, { limitBytes: bytes, isSparse });
    } finally {
      await target.close();
    }
  } finally {
    await source.close();
  }
}

/**
 * Null where the backup does not know. Node takes a double, which today is exact to a quarter of a microsecond: of a
 * fraction the middle of its microsecond, lest it come out as the one before.
 */
function toSeconds(nanoseconds: string | undefined): number | null {
  if (nanoseconds === undefined) return null;
  const at = BigInt(nanoseconds);
  return at % 1_000_000_000n === 0n ? Number(at / 1_000_000_000n) : (Number(at / 1000n) + 0.5) / 1e6;
}
