import { closing } from '../../lib/closing.ts';
import type { Place } from '../../lib/confined-walk.ts';
import { lookAt, type Area } from './area.ts';
import { slotOf, Staging, type Part } from './staging.ts';
import type { HomeEntry } from './ports.ts';

/**
 * Broken uploads of the account, as entries of the folder they were meant for.
 *
 * An account goes on with what it sent, and clients ask first how much of it is there: by SIZE, or in a listing. So its
 * parts stand there for it, under the names they are to have, while nothing else has these names.
 */
export async function findParts(
  area: Area,
  place: Pick<Place, 'folders' | 'parts'>,
): Promise<() => Promise<HomeEntry[]>> {
  const parts = await partsIn(area, place.folders, place.parts);
  const folder = place.folders.at(-1);
  return async () => {
    const shown = new Map<string, HomeEntry>();
    for (const part of parts) {
      const key = part.name.toString('latin1');
      if (folder && !shown.has(key) && !(await lookAt(folder, part.name)))
        shown.set(key, toPartEntry(part, area));
    }
    return [...shown.values()];
  };
}

/** That of one name, where nothing stands. */
export async function findPart(
  area: Area,
  { folders, parts }: Place,
  name: Buffer,
): Promise<HomeEntry | null> {
  const found = await partsIn(area, folders, parts.slice(0, -1));
  const part = found.find((one) => one.name.equals(name));
  return part ? toPartEntry(part, area) : null;
}

async function partsIn(area: Area, folders: Place['folders'], parts: Place['parts']): Promise<Part[]> {
  const staging = await Staging.find(folders);
  if (!staging) return [];
  const { account } = area.options;
  return closing(staging, () => staging.parts(slotOf(account, [...(area.base ?? []), ...parts])));
}

function toPartEntry({ name, sizeBytes, modifiedMs, unique }: Part, { options: { ids } }: Area): HomeEntry {
  const { uid = process.geteuid?.() ?? 0, gid = process.getegid?.() ?? 0 } = ids ?? {};
  return {
    name,
    kind: 'file',
    sizeBytes,
    modifiedMs,
    mode: 0o600,
    uid,
    gid,
    linkCount: 1,
    linkTarget: null,
    unique,
    isPart: true,
  };
}
