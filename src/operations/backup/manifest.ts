/**
 * A backup is a directory:
 *
 *     manifest.json         what there is, with the SHA-256 and the size of every file
 *     manifest.sha256       the SHA-256 of manifest.json
 *     tables/<name>.zst     rows in the text format of COPY, one a line, zstd
 *     secret-key            what opens the named secrets, when it stands in a file
 *     scripts/…, home/…     files as they were; further names of one (hard links) stand in the manifest only
 *
 * Plain files instead of one archive: a table's size is not known before it is read, so an archive would need every
 * table on the disk twice, and any tool can pack, copy or look into a directory.
 *
 * It is written as `<name>.part` and renamed when everything is there, verified and on the disk; what is called
 * `.part` is never a backup.
 */
import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { z } from 'zod';
import { formerManifest, manifest, type Manifest } from '../../contract/backup.ts';
import { AppError } from '../../contract/errors.ts';
import { encodeText } from './names.ts';

export const secretKeyFile = 'secret-key';

export function tableFile(name: string): string {
  return join('tables', `${name}.zst`);
}

export async function writeManifest(directory: string, content: Manifest): Promise<void> {
  const text = `${JSON.stringify(content, null, 2)}\n`;
  await writeFile(join(directory, 'manifest.json'), text, { flush: true });
  await writeFile(join(directory, 'manifest.sha256'), `${hash(text)}  manifest.json\n`, { flush: true });
}

/** @throws AppError `invalid_input` when it is no backup, damaged, or of a later format */
export async function readManifest(directory: string): Promise<Manifest> {
  const [text, sum] = await Promise.all([
    readFile(join(directory, 'manifest.json'), 'utf8'),
    readFile(join(directory, 'manifest.sha256'), 'utf8'),
  ]).catch((error: unknown) => {
    throw new AppError(
      'invalid_input',
      `${directory} is no whole backup: manifest.json or its sum is missing.`,
      {
        cause: error,
      },
    );
  });
  if (!sum.startsWith(hash(text))) throw damaged(directory, 'manifest.json is not what was written');
  const content: unknown = JSON.parse(text);
  const parsed = manifest.safeParse(content);
  if (parsed.success) return parsed.data;
  const former = formerManifest.safeParse(content);
  if (former.success) return toCurrent(former.data);
  throw new AppError(
    'invalid_input',
    `The backup ${directory} has a format that this version does not know. Restore it with the version that wrote it, or a newer one.`,
  );
}

function toCurrent(former: z.infer<typeof formerManifest>): Manifest {
  const encode = <T extends { path: string }>(entries: T[]): T[] =>
    entries.map((entry) => ({ ...entry, path: encodeText(entry.path) }));
  return {
    ...former,
    format: 2,
    files: encode(former.files),
    links: encode(former.links).map((link) => ({ ...link, target: encodeText(link.target) })),
    directories: encode(former.directories),
    hardLinks: [],
    notTaken: [],
    changed: [],
  };
}

export function damaged(directory: string, what: string): AppError {
  return new AppError('invalid_input', `The backup ${directory} is damaged: ${what}.`);
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
