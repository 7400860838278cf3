import { lstat, mkdir, open, rename as moveEntry } from 'node:fs/promises';
import { walkConfined, type Place } from '../../lib/confined-walk.ts';
import { removeEmptyFolder, removeFile as removeEntryOf } from '../../lib/remove.ts';
import { at, lookAt, requireChange, requireUsableName, takeOwner, toPath, type Area } from './area.ts';
import type { Shared } from './locks.ts';
import { findPart } from './parts.ts';
import { homeError, codeOf } from './problems.ts';
import { newId, noSlot, slotOf, Staging } from './staging.ts';
import type { HomePath } from './ports.ts';

/** @throws HomeError */
export function makeFolder(area: Area, path: HomePath, shared: Shared): Promise<void> {
  return make(area, path, shared, null);
}

/** Where the account's programs may change nothing themselves. @throws HomeError */
export function makeAccountFolder(area: Area, path: HomePath, shared: Shared): Promise<void> {
  return make(area, path, shared, { mode: 0o700 });
}

function make(area: Area, path: HomePath, shared: Shared, byServer: { mode: number } | null): Promise<void> {
  return at(area, path, false, (place) => {
    const { folder, name } = place;
    if (name === null) throw homeError('exists', path, 'this folder is there already.');
    return shared.locks.run(keyOf(area, place), async () => {
      if (await lookAt(folder, name))
        throw homeError('exists', path, 'something of that name is there already; choose another name.');
      requireUsableName(name, path);
      if (!byServer) await requireChange(area, folder, path, null);
      const { ids } = area.options;
      if (ids === null) await mkdir(folder.at(name), { mode: byServer?.mode ?? 0o777 });
      else await makeOwned(path, place, { name, ids, mode: byServer?.mode });
    });
  });
}

interface Owned {
  name: Buffer;
  ids: { uid: number; gid: number };
  mode: number | undefined;
}

/**
 * Made where nobody else gets, and put in place when it has its owner: a program could put another folder under the name
 * in between, and be given that.
 */
async function makeOwned(
  path: HomePath,
  { folder, folders }: Place,
  { name, ids, mode }: Owned,
): Promise<void> {
  const around = await folder.facts();
  const staging = await Staging.open(folders, path);
  const id = newId(noSlot);
  try {
    await staging.make(id);
    const made = await staging.openFolder(id);
    try {
      const handle = await open(made.here(), 'r');
      try {
        const handsOn = (around.mode & 0o2000) !== 0;
        await takeOwner(handle, { uid: ids.uid, gid: handsOn ? around.gid : ids.gid });
        await handle.chmod(mode ?? (handsOn ? 0o2775 : 0o775));
      } finally {
        await handle.close();
      }
    } finally {
      await made.close();
    }
    await moveEntry(staging.at('.', Buffer.from(id)), folder.at(name));
  } catch (error) {
    await staging.remove(id);
    throw error;
  } finally {
    await staging.close();
  }
}

/** @throws HomeError */
export function removeFolder(area: Area, path: HomePath): Promise<void> {
  return at(area, path, false, async (place) => {
    const { folder, name } = place;
    if (name === null) throw homeError('refused', path, 'the folder itself stays; name one in it.');
    const there = await lstat(folder.at(name));
    if (!there.isDirectory()) throw homeError('not-folder', path, 'it is no folder; delete it as a file.');
    await requireChange(area, folder, path, there);
    if (await removeEmptyFolder(folder.at(name))) return;
    throw homeError('not-empty', path, 'the folder is not empty; remove what is in it first.');
  });
}

/** @throws HomeError */
export function removeFile(area: Area, path: HomePath, shared: Shared): Promise<void> {
  return at(area, path, false, async (place) => {
    const { folder, name } = place;
    if (name === null) throw homeError('is-folder', path, 'it is a folder; remove it as one.');
    const there = await lookAt(folder, name);
    if (there === null) return removePart(area, path, place, shared);
    if (there.isDirectory()) throw homeError('is-folder', path, 'it is a folder; remove it as one.');
    await requireChange(area, folder, path, there);
    await removeEntryOf(folder.at(name));
  });
}

async function removePart(area: Area, path: HomePath, place: Place, shared: Shared): Promise<void> {
  const staging = await Staging.find(place.folders);
  const slot = slotOf(area.options.account, [...(area.base ?? []), ...place.parts.slice(0, -1)]);
  try {
    const parts = (await staging?.parts(slot)) ?? [];
    const mine = parts.filter(({ name }) => place.name?.equals(name));
    if (mine.length === 0)
      throw homeError('not-found', path, 'there is no such file or folder; check the name.');
    for (const { id } of mine) {
      await shared.underWay.get(id)?.giveUp();
      await staging?.remove(id);
    }
  } finally {
    await staging?.close();
  }
}

/** @throws HomeError about `from`; about `to` where that is what is wrong */
export function rename(area: Area, from: HomePath, to: HomePath): Promise<void> {
  return at(area, from, false, async (source) => {
    const { folder, name } = source;
    if (name === null)
      throw homeError('refused', from, 'the folder itself stays where it is; name something in it.');
    const moved = await lookAt(folder, name);
    if (moved === null) throw await whyNotThere(area, from, source, name);
    await requireChange(area, folder, from, moved);
    await at(area, to, false, (target) => moveTo(area, { folder, name }, to, target));
  });
}

async function moveTo(
  area: Area,
  source: Pick<Place, 'folder' | 'name'> & { name: Buffer },
  to: HomePath,
  { folder, name }: Place,
): Promise<void> {
  if (name === null) throw homeError('exists', to, 'this folder is there already; name something new in it.');
  const there = await lookAt(folder, name);
  if (there === null) requireUsableName(name, to);
  if (there?.isSymbolicLink()) await requireInside(area, to);
  await requireChange(area, folder, to, there);
  await moveEntry(source.folder.at(source.name), folder.at(name));
  await folder.sync().catch((error: unknown) => {
    // A folder that we may change and not read cannot be opened to be synced.
    if (codeOf(error) !== 'EACCES') throw error;
  });
}

/** The link goes, not what it leads to; but who names one that leads out meant what is there. */
async function requireInside(area: Area, path: HomePath): Promise<void> {
  const place = await walkConfined(area, path, { follow: true });
  await place.close();
}

async function whyNotThere(area: Area, path: HomePath, place: Place, name: Buffer) {
  return (await findPart(area, place, name))
    ? homeError('incomplete', path, 'this upload is not complete; go on with it first, or delete it.')
    : homeError('not-found', path, 'there is no such file or folder; check the name.');
}

function keyOf({ base = [] }: Area, { parts }: Place): string {
  return toPath([...base, ...parts]).toString('latin1');
}
