import { createHash } from 'node:crypto';
import { chmod, chown, mkdir, open } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { JobFiles } from '../../contract/file.ts';
import type { Files, FileStore, StoredFile } from '../../domain/files/ports.ts';
import type { Account } from '../../lib/file-access.ts';

export interface LaidOutFile {
  name: string;
  sizeBytes: number;
  sha256: string;
}

export interface LayOutOptions {
  files: Pick<Files, 'read'>;
  store: Pick<FileStore, 'find'>;
  /** Is there, and empty. */
  folder: string;
  owner: Account | null;
  signal: AbortSignal;
}

/**
 * Puts the files of a job into a folder, to be read by the program and by nobody else. Null when the signal ends it.
 * @throws when a file is gone or damaged, the disk is full, or the store does not answer
 */
export async function layOutFiles(
  wanted: JobFiles,
  { files, store, folder, owner, signal }: LayOutOptions,
): Promise<LaidOutFile[] | null> {
  const stored = new Map((await store.find(wanted.map(({ file }) => file))).map((one) => [one.id, one]));
  const laidOut: LaidOutFile[] = [];
  const made = new Set<string>();
  for (const { file: id, name } of wanted) {
    const file = stored.get(id);
    if (!file) throw new Error(`The file ${name} is not kept any more.`);
    const path = join(folder, name);
    for (let outer = dirname(path); outer !== folder; outer = dirname(outer)) made.add(outer);
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    if (!(await copy(file, path, { files, owner, signal }))) return null;
    laidOut.push({ name, sizeBytes: file.sizeBytes, sha256: file.sha256 });
  }
  // The innermost first: nothing can be changed in a folder that is closed.
  for (const path of [...made, folder].sort((a, b) => b.length - a.length)) {
    if (owner) await chown(path, owner.uid, owner.gid);
    await chmod(path, 0o500);
  }
  return laidOut;
}

/** False when the signal ends it. */
async function copy(
  file: StoredFile,
  path: string,
  { files, owner, signal }: Pick<LayOutOptions, 'files' | 'owner' | 'signal'>,
): Promise<boolean> {
  const hash = createHash('sha256');
  const target = await open(path, 'wx', 0o400);
  try {
    for await (const bytes of files.read(file)) {
      if (signal.aborted) return false;
      hash.update(bytes);
      await target.writeFile(bytes);
    }
    if (owner) await target.chown(owner.uid, owner.gid);
  } finally {
    await target.close();
  }
  if (hash.digest('hex') !== file.sha256) throw new Error(`The stored file ${file.id} is damaged.`);
  return true;
}
