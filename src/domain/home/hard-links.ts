/**
 * Replacing a file that has several names. A rename would leave the old bytes under the others; so the bytes are written
 * into the file itself, from a whole upload. That is no single step, so what is to be done is recorded first, and a later
 * start finishes what a killed server did not (sweep.ts):
 *
 *     target.<uuid>         which file, and where: on the disk before
 *     into.<uuid>/<name>    the whole upload: the rename to this decides that it will be done
 *
 * Until then a reader can see a part of it. The disk cannot become full on the way: what is longer than before is written
 * first, and taken away again when there is no room.
 */
import { randomUUID } from 'node:crypto';
import { constants, type BigIntStats } from 'node:fs';
import { readFile, type FileHandle } from 'node:fs/promises';
import { z } from 'zod';
import { closing } from '../../lib/closing.ts';
import { walkConfined } from '../../lib/confined-walk.ts';
import type { FolderHandle } from '../../lib/folder-handle.ts';
import { HeldEntry } from '../../lib/held-entry.ts';
import { isOpenTo, toPath } from './area.ts';
import { copyBytes } from './copy.ts';
import { homeError } from './problems.ts';
import type { Staging } from './staging.ts';
import { isHiddenInHome } from './ports.ts';
import type { UploadPlan } from './upload-plan.ts';

const intoPrefix = 'into.';
const targetPrefix = 'target.';

const recordShape = z.object({ dev: z.string(), ino: z.string(), path: z.base64() });

export function isWaitingToBeWritten(id: string): boolean {
  return id.startsWith(intoPrefix);
}

export function isRecord(id: string): boolean {
  return id.startsWith(targetPrefix);
}

/** @throws HomeError `denied`; `no-space`'s of the system, the file is as before then */
export async function rewrite(plan: UploadPlan, there: HeldEntry, facts: BigIntStats): Promise<void> {
  const { area, path, staging, shared, parts } = plan;
  if (!isOpenTo(area.options.ids, facts, 2))
    throw homeError(
      'denied',
      path,
      'it has other names, and your programs may not write into it; its owner can let them (chmod g+w).',
    );
  const opened = await there.openFile(constants.O_RDWR);
  if (!opened) throw homeError('busy', path, 'something else stands there meanwhile; send the file again.');
  const uuid = randomUUID();
  const into = `${intoPrefix}${uuid}`;
  shared.rewriting.add(into);
  try {
    await plan.file.sync();
    const record = {
      dev: `${facts.dev}`,
      ino: `${facts.ino}`,
      path: toPath([...(area.base ?? []), ...parts]).toString('base64'),
    };
    await staging.write(`${targetPrefix}${uuid}`, JSON.stringify(record));
    if (!(await staging.take(plan.id, into)))
      throw homeError('busy', path, 'this upload goes on in another connection of yours; end one of them.');
    await staging.sync();
    await makeRoom(opened.file, facts, plan).catch(async (error: unknown) => {
      await staging.take(into, plan.id);
      await staging.remove(recordOf(into));
      throw error;
    });
    await overwrite(opened.file, plan.file, plan.sizeBytes);
    await forget(staging, into);
  } finally {
    shared.rewriting.delete(into);
    await opened.file.close();
  }
}

/** Finishes one that was left; where its file is gone or another, there is nothing to finish. */
export async function finishRewrite(root: string, staging: Staging, into: string): Promise<void> {
  const record = recordShape.parse(
    JSON.parse(await readFile(staging.at('.', Buffer.from(recordOf(into))), 'utf8')),
  );
  await closing(await staging.openFolder(into), async (folder) => {
    const [name] = await folder.names();
    const source = name && (await openHeld(folder, name, constants.O_RDONLY));
    if (source) await closing(source.file, () => writeInto(root, record, source.file));
  });
}

/** Null when it is no regular file. */
async function openHeld(folder: FolderHandle, name: Buffer, flags: number) {
  return closing(await HeldEntry.open(folder, name), (entry) => entry.openFile(flags));
}

/** The upload first: without its record it would be unknown what it is for. */
export async function forget(staging: Staging, into: string): Promise<void> {
  await staging.remove(into);
  await staging.remove(recordOf(into));
}

async function makeRoom(
  target: FileHandle,
  facts: BigIntStats,
  { file, sizeBytes }: Pick<UploadPlan, 'file' | 'sizeBytes'>,
): Promise<void> {
  const before = Number(facts.size);
  try {
    await copyBytes(file, target, { from: before, end: sizeBytes, to: before });
    await target.sync();
  } catch (error) {
    await target.truncate(before);
    throw error;
  }
}

async function overwrite(target: FileHandle, source: FileHandle, sizeBytes: number): Promise<void> {
  // These are other bytes: they do not run as the owner of the file.
  await target.chmod((await target.stat()).mode & 0o777).catch(() => {});
  await copyBytes(source, target, { from: 0, end: sizeBytes, to: 0 });
  await target.truncate(sizeBytes);
  await target.sync();
}

async function writeInto(
  root: string,
  { dev, ino, path }: z.infer<typeof recordShape>,
  source: FileHandle,
): Promise<void> {
  const confines = { root, isHidden: isHiddenInHome };
  const place = await walkConfined(confines, Buffer.from(path, 'base64'), { follow: false });
  await closing(place, async ({ folder, name }) => {
    const target = name && (await openHeld(folder, name, constants.O_RDWR));
    if (!target) return;
    const isSame = `${target.facts.dev}` === dev && `${target.facts.ino}` === ino;
    const { size } = await source.stat();
    await closing(target.file, (file) => (isSame ? overwrite(file, source, size) : undefined));
  });
}

function recordOf(into: string): string {
  return `${targetPrefix}${into.slice(intoPrefix.length)}`;
}
