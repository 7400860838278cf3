import { constants } from 'node:fs';
import { chmod, statfs, utimes } from 'node:fs/promises';
import { closing } from '../../lib/closing.ts';
import type { Place } from '../../lib/confined-walk.ts';
import { at, enter, holding, isOpenTo, requireWrite, toPath, type Area } from './area.ts';
import { beginUpload } from './begin-upload.ts';
import { makeFolder, removeFile, removeFolder, rename } from './changes.ts';
import { describe, listEntriesOf, listNamesOf, toEntry } from './entries.ts';
import type { Shared } from './locks.ts';
import { createOpenedFile, hashBytes } from './opened-file.ts';
import { findPart, findParts } from './parts.ts';
import { codeOf, homeError } from './problems.ts';
import type { HomeEntry, HomePath, HomeView, OpenedFile } from './ports.ts';

export function createView(area: Area, shared: Shared): HomeView {
  const changing = <T>(path: HomePath, action: () => Promise<T>): Promise<T> =>
    requireWrite(area, path).then(action);
  return {
    isReadOnly: area.options.isReadOnly,
    stat: (path) => stat(area, path, true),
    lstat: (path) => stat(area, path, false),
    resolveFolder: (path) =>
      at(area, path, true, async (place) => {
        await (await enter(place, area)).close();
        return place.parts.length === 0 ? Buffer.from('/') : toPath(place.parts);
      }),
    list: (folder) =>
      at(area, folder, true, async (place) => {
        const opened = await enterToRead(area, folder, place);
        const inside = { ...place, folders: [...place.folders, opened], folder: opened };
        const parts = await findParts(area, inside);
        return listEntriesOf(opened, parts);
      }),
    listNames: (folder) =>
      at(area, folder, true, async (place) => listNamesOf(await enterToRead(area, folder, place))),
    openFile: (path) => openFile(area, path),
    beginUpload: (path, options) => changing(path, () => beginUpload(area, path, { ...options, shared })),
    makeFolder: (path) => changing(path, () => makeFolder(area, path, shared)),
    removeFolder: (path) => changing(path, () => removeFolder(area, path)),
    removeFile: (path) => changing(path, () => removeFile(area, path, shared)),
    rename: (from, to) => changing(from, () => rename(area, from, to)),
    setModified: (path, modifiedMs) => changing(path, () => setModified(area, path, modifiedMs)),
    setMode: (path, mode) => changing(path, () => setMode(area, path, mode)),
    hash: async (path, range) => {
      const file = await openFile(area, path);
      return closing(file, () => hashBytes(file.bytes(range)));
    },
    freeSpace: (folder = '/') =>
      at(area, folder, true, async (place) => {
        const opened = await enter(place, area);
        const facts = await closing(opened, () => statfs(opened.here()));
        return { freeBytes: facts.bavail * facts.bsize, totalBytes: facts.blocks * facts.bsize };
      }),
  };
}

function stat(area: Area, path: HomePath, follow: boolean): Promise<HomeEntry> {
  return at(area, path, follow, async (place) => {
    const { folder, name } = place;
    if (name === null) return toEntry(Buffer.alloc(0), await folder.facts());
    try {
      if (!follow) return await describe(folder, name);
      return await holding(folder, name, async (entry) => toEntry(name, await entry.facts()));
    } catch (error) {
      const part = codeOf(error) === 'ENOENT' ? await findPart(area, place, name) : null;
      if (part) return part;
      throw error;
    }
  });
}

function openFile(area: Area, path: HomePath): Promise<OpenedFile> {
  return at(area, path, true, async (place) => {
    const { folder, name } = place;
    if (name === null) throw homeError('is-folder', path, 'it is a folder; name a file in it.');
    const opened = await holding(folder, name, async (entry) => {
      const facts = await entry.facts();
      if (facts.isDirectory()) throw homeError('is-folder', path, 'it is a folder; name a file in it.');
      if (!isOpenTo(area.options.ids, facts, 4))
        throw homeError(
          'denied',
          path,
          'your programs may not read this file; its owner can let them (chmod g+r).',
        );
      return entry.openFile(constants.O_RDONLY);
    }).catch((error: unknown) => explainMissing(error, area, path, place));
    if (!opened)
      throw homeError('refused', path, 'it is a pipe, socket or device, which holds no bytes to read.');
    return createOpenedFile(opened.file, opened.facts, path);
  });
}

/** A broken upload is told from a name that is not there. */
async function explainMissing(error: unknown, area: Area, path: HomePath, place: Place): Promise<never> {
  if (codeOf(error) === 'ENOENT' && place.name && (await findPart(area, place, place.name)))
    throw homeError(
      'incomplete',
      path,
      'this upload is not complete; go on with it first, or delete it.',
      error,
    );
  throw error;
}

async function enterToRead(area: Area, path: HomePath, place: Place) {
  const folder = await enter(place, area);
  if (isOpenTo(area.options.ids, await folder.facts(), 4)) return folder;
  await folder.close();
  throw homeError(
    'denied',
    path,
    'your programs may not list this folder; its owner can let them (chmod g+r).',
  );
}

function setModified(area: Area, path: HomePath, modifiedMs: number): Promise<void> {
  if (!Number.isFinite(modifiedMs) || Math.abs(modifiedMs) > 8.64e15)
    throw homeError('refused', path, 'that is no time; name one as YYYYMMDDhhmmss.');
  // Of a number below 0 Node makes the present; of a date it does not.
  return touch(area, path, (there) => utimes(there, new Date(), new Date(modifiedMs)));
}

function setMode(area: Area, path: HomePath, mode: number): Promise<void> {
  if (!Number.isInteger(mode) || mode < 0 || mode > 0o777)
    throw homeError('refused', path, 'a mode has permission bits only, from 000 to 777 in octal.');
  // A folder hands its group on to what is made in it; that is not for people to take away.
  return touch(area, path, (there, before) =>
    chmod(there, (before.isFolder ? before.mode & 0o3000 : 0) | mode),
  );
}

/** Changes what is told of a file or folder, not what is in it. */
function touch(
  area: Area,
  path: HomePath,
  action: (there: Buffer, before: { mode: number; isFolder: boolean }) => Promise<void>,
): Promise<void> {
  return at(area, path, true, async (place) => {
    const { folder, name } = place;
    if (name === null)
      throw homeError('refused', path, 'the folder itself stays as it is; name something in it.');
    await holding(folder, name, async (entry) => {
      const facts = await entry.facts();
      if (!facts.isFile() && !facts.isDirectory())
        throw homeError(
          'refused',
          path,
          'it is a pipe, socket or device; only files and folders can be changed.',
        );
      if (!isOpenTo(area.options.ids, facts, 2))
        throw homeError(
          'denied',
          path,
          'your programs may not change it; its owner can let them (chmod g+w).',
        );
      await action(entry.here(), { mode: Number(facts.mode), isFolder: facts.isDirectory() });
    }).catch((error: unknown) => explainMissing(error, area, path, place));
  });
}
