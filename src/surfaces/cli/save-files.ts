import { constants } from 'node:fs';
import { mkdir, open, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { removeFile } from '../../lib/remove.ts';
import { cleanText } from './clean-text.ts';
import { UsageError } from './errors.ts';

/**
 * The names under which files are saved, in order. Two that come to the same are told apart by a number: what a name may
 * hold here is less than where the file was made.
 */
export function savedNames(names: readonly string[]): string[] {
  const taken = new Set<string>();
  return names.map((name) => {
    const clean = name.split('/').map(toSavedPart).join('/');
    let saved = clean;
    for (let number = 2; taken.has(saved); number += 1) saved = numbered(clean, number);
    taken.add(saved);
    return saved;
  });
}

function toSavedPart(part: string): string {
  return cleanText(part).replaceAll(/[\\:]/g, '_');
}

/** `a.txt` → `a (2).txt` */
function numbered(name: string, number: number): string {
  const [, stem = name, ending = ''] = /^(.*[^/])(\.[^./]+)$/s.exec(name) ?? [];
  return `${stem} (${number})${ending}`;
}

/**
 * Where a file of that name goes below a folder; folders on the way are made. Names come from whoever wrote the file:
 * none leads out of the folder, neither by its parts nor by a link that stands there.
 * @throws UsageError
 */
export async function placeFor(folder: string, name: string): Promise<string> {
  const parts = name.split('/').map(toSavedPart);
  if (parts.some((part) => part === '' || part === '.' || part === '..'))
    throw new UsageError(`The name ${cleanText(name)} leads out of the folder; it is not saved.`);
  await mkdir(folder, { recursive: true });
  let inside = await realpath(folder);
  // One by one: to make them all at once would follow a link.
  for (const part of parts.slice(0, -1)) {
    inside = join(inside, part);
    await mkdir(inside).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
    if ((await realpath(inside)) !== inside)
      throw new UsageError(`${inside} is a link; ${cleanText(name)} is not saved.`);
  }
  return join(inside, parts.at(-1) ?? '');
}

/** Writes a file that is not there yet. What breaks off leaves nothing. @throws UsageError when it is there */
export async function saveFile(path: string, bytes: AsyncIterable<Uint8Array>): Promise<void> {
  const { O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY } = constants;
  const file = await open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW).catch(
    (error: NodeJS.ErrnoException) => {
      throw new UsageError(
        error.code === 'EEXIST'
          ? `${path} is there already; choose another folder.`
          : `${path} cannot be written (${error.code}).`,
      );
    },
  );
  const target = file.createWriteStream();
  try {
    await pipeline(bytes, target);
  } catch (error) {
    await removeFile(path);
    throw error;
  }
}
