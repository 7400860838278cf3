import { randomBytes } from 'node:crypto';
import { constants, type BigIntStats } from 'node:fs';
import { lstat, open } from 'node:fs/promises';
import { closing } from '../../lib/closing.ts';
import type { Place } from '../../lib/confined-walk.ts';
import type { HeldEntry } from '../../lib/held-entry.ts';
import { at, enter, holding, isOpenTo, lookAt, requireChange, requireUsableName, Swapped } from './area.ts';
import type { Area } from './area.ts';
import { copyInto } from './copy.ts';
import { kindOf } from './entries.ts';
import type { Shared } from './locks.ts';
import { toValidator } from './opened-file.ts';
import { codeOf, homeError } from './problems.ts';
import { newId, noSlot, slotOf, Staging, type Part } from './staging.ts';
import { FileUpload } from './upload.ts';
import type { UploadPlan } from './upload-plan.ts';
import type { HomePath, Upload, UploadOptions } from './ports.ts';

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_RDWR } = constants;

/** Where an upload goes. */
interface Target {
  area: Area;
  path: HomePath;
  place: Place;
  name: Buffer;
  shared: Shared;
}

/** @throws HomeError */
export function beginUpload(
  area: Area,
  path: HomePath,
  { mode, offset = 0, shared }: UploadOptions & { shared: Shared },
): Promise<Upload> {
  if (!Number.isSafeInteger(offset) || offset < 0 || (offset > 0 && mode !== 'replace'))
    throw homeError('bad-offset', path, 'an upload begins at a whole number of bytes; begin it at 0.');
  return at(area, path, true, async (place) => {
    if (mode === 'unique') return beginUnique(area, path, place, shared);
    const { name } = place;
    if (name === null) throw homeError('is-folder', path, 'it is a folder; name a file in it.');
    const target = { area, path, place, name, shared };
    const there = await lookAt(place.folder, name);
    await requireChange(area, place.folder, path, there);
    if (there === null) return beginNew(target, { mode, offset });
    if (mode === 'append' || offset > 0)
      return beginOnCopy(target, { mode, size: mode === 'append' ? null : offset });
    await requireReplaceable(target, there);
    return begin(target, { mode, slot: slotFor(target) });
  });
}

/** The folder holds nothing of that name: what is asked for at an offset may be a broken upload. */
async function beginNew(target: Target, { mode, offset }: Required<UploadOptions>): Promise<Upload> {
  requireUsableName(target.name, target.path);
  const part = mode === 'append' || offset > 0 ? await goOn(target, mode, offset) : null;
  if (part) return part;
  if (offset > 0) throw badOffset(target.path, offset, 0);
  const base = mode === 'append' ? { validator: 'none', sizeBytes: 0 } : null;
  return begin(target, { mode, slot: slotFor(target), base });
}

async function beginUnique(area: Area, path: HomePath, place: Place, shared: Shared): Promise<Upload> {
  const folder = await enter(place, area);
  try {
    await requireChange(area, folder, path, null);
    // Of 64 random bits: one that stands there already is not looked for, and `commit` replaces nothing.
    const name = Buffer.from(`upload-${randomBytes(8).toString('hex')}`);
    const parts = [...place.parts, name];
    const inside = { ...place, folder, folders: [...place.folders, folder], parts, name };
    return await begin({ area, path, place: inside, name, shared }, { mode: 'unique', slot: noSlot });
  } finally {
    await folder.close();
  }
}

/** What comes first is what the file holds: its first bytes, or all of them. The file itself stays as it is. */
async function beginOnCopy(
  target: Target,
  { mode, size }: { mode: UploadOptions['mode']; size: number | null },
): Promise<Upload> {
  const { area, path, place, name } = target;
  return holding(place.folder, name, async (entry) => {
    const facts = await entry.facts();
    await requireReplaceable(target, facts);
    if (!isOpenTo(area.options.ids, facts, 6))
      throw homeError(
        'denied',
        path,
        'your programs may not change this file; its owner can let them (chmod g+rw).',
      );
    const sizeBytes = size ?? Number(facts.size);
    if (sizeBytes > Number(facts.size)) throw badOffset(path, sizeBytes, Number(facts.size));
    const base = mode === 'append' ? { validator: toValidator(facts), sizeBytes } : null;
    return begin(target, { mode, slot: noSlot, copy: { entry, sizeBytes }, base });
  });
}

/** Null when there is no broken upload of that name. */
async function goOn(target: Target, mode: UploadOptions['mode'], offset: number): Promise<Upload | null> {
  const { place, path, shared, name } = target;
  const slot = slotFor(target);
  const staging = await Staging.find(place.folders);
  if (!staging) return null;
  try {
    const [part, ...others] = (await staging.parts(slot)).filter((one) => one.name.equals(name));
    if (part) {
      if (offset > part.sizeBytes) throw badOffset(path, offset, part.sizeBytes);
      await shared.underWay.get(part.id)?.giveUp();
      const upload = await takeOver(target, {
        mode,
        offset,
        slot,
        staging,
        part,
        older: restingIds(others, target),
      });
      if (upload) return upload;
      throw homeError('busy', path, 'another connection of yours goes on with this upload; end one of them.');
    }
  } catch (error) {
    await staging.close();
    throw error;
  }
  await staging.close();
  return null;
}

interface TakeOver {
  mode: UploadOptions['mode'];
  offset: number;
  slot: string;
  staging: Staging;
  part: Part;
  older: readonly string[];
}

/** Null when another was faster. */
async function takeOver(
  target: Target,
  { mode, offset, slot, staging, part, older }: TakeOver,
): Promise<Upload | null> {
  const { name } = target;
  const there = await lstat(staging.at(part.id, name)).catch(unlessMissing);
  if (!there) return null;
  const id = newId(slot);
  if (!(await staging.take(part.id, id))) return null;
  const file = await open(staging.at(id, name), O_RDWR | O_NOFOLLOW).catch(unlessMissing);
  if (!file) return null;
  const sizeBytes = mode === 'append' ? there.size : offset;
  try {
    await file.truncate(sizeBytes);
  } catch (error) {
    await file.close();
    throw error;
  }
  return new FileUpload({ ...planOf(target), mode, staging, id, file, sizeBytes, base: null, older });
}

interface Beginning {
  mode: UploadOptions['mode'];
  slot: string;
  copy?: { entry: HeldEntry; sizeBytes: number };
  base?: UploadPlan['base'];
}

async function begin(target: Target, { mode, slot, copy, base = null }: Beginning): Promise<Upload> {
  const staging = await Staging.open(target.place.folders, target.path);
  const id = newId(slot);
  try {
    const older = slot === noSlot ? [] : restingIds(await staging.parts(slot), target);
    await staging.make(id);
    const path = staging.at(id, target.name);
    if (copy) await copyInto(path, copy);
    const file = await open(path, O_RDWR | O_NOFOLLOW | (copy ? 0 : O_CREAT | O_EXCL), 0o600);
    const sizeBytes = copy?.sizeBytes ?? 0;
    return new FileUpload({ ...planOf(target), mode, staging, id, file, sizeBytes, base, older });
  } catch (error) {
    await closing(staging, () => staging.remove(id));
    throw error;
  }
}

function restingIds(parts: readonly Part[], { name, shared }: Target): string[] {
  return parts.filter((one) => one.name.equals(name) && !shared.underWay.has(one.id)).map(({ id }) => id);
}

function planOf({ area, path, place, name, shared }: Target) {
  return { area, path, parts: [...place.parts], name, shared };
}

function slotFor({ area, place }: Target): string {
  return slotOf(area.options.account, [...(area.base ?? []), ...place.parts.slice(0, -1)]);
}

async function requireReplaceable(
  { path }: Target,
  facts: Parameters<typeof kindOf>[0] | BigIntStats,
): Promise<void> {
  switch (kindOf(facts)) {
    case 'file':
      return;
    case 'folder':
      throw homeError('is-folder', path, 'it is a folder; name a file in it.');
    case 'link':
      throw new Swapped();
    case 'other':
      throw homeError('refused', path, 'it is a pipe, socket or device, no file; choose another name.');
  }
}

function badOffset(path: HomePath, offset: number, sizeBytes: number) {
  return homeError(
    'bad-offset',
    path,
    `an upload cannot go on at byte ${offset}, since ${sizeBytes} are there; go on at ${sizeBytes}, or begin at 0.`,
  );
}

function unlessMissing(error: unknown): null {
  if (codeOf(error) === 'ENOENT') return null;
  throw error;
}
