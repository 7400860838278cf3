/**
 * Puts a whole upload under its name. The bytes are on the disk before the rename, and the rename before `commit`
 * resolves; so after a crash there is the old file or the new one. Of two that end at the same time the last one wins,
 * whole, since each is one rename. Only a file with several names is written itself (hard-links.ts).
 *
 * The folder is walked to once more: it may have been moved since, out of home even, and nothing is put there.
 */
import { constants, type BigIntStats } from 'node:fs';
import { link, lstat, open, rename, type FileHandle } from 'node:fs/promises';
import { walkConfined, type Place } from '../../lib/confined-walk.ts';
import { HeldEntry } from '../../lib/held-entry.ts';
import { newFileMode, requireChange, takeOwner, toPath } from './area.ts';
import { copyBytes, copyInto } from './copy.ts';
import { describe } from './entries.ts';
import { rewrite } from './hard-links.ts';
import { toValidator } from './opened-file.ts';
import { codeOf, homeError } from './problems.ts';
import { newId, noSlot } from './staging.ts';
import type { HomeEntry } from './ports.ts';
import type { UploadPlan } from './upload-plan.ts';

/** @throws HomeError, or an error of the system about the plan's path; nothing is changed then */
export function commitUpload(plan: UploadPlan): Promise<HomeEntry> {
  const { area, parts, shared } = plan;
  const path = toPath([...(area.base ?? []), ...parts]);
  return shared.locks.run(path.toString('latin1'), async () => {
    const place = await walkConfined(area, toPath(parts), { follow: false });
    try {
      return await commitAt(plan, place);
    } finally {
      await place.close();
    }
  });
}

async function commitAt(plan: UploadPlan, { folder }: Place): Promise<HomeEntry> {
  const { area, path, name, staging } = plan;
  const there = await HeldEntry.open(folder, name).catch(unlessMissing);
  try {
    const facts = (await there?.facts()) ?? null;
    requireStillReplaceable(plan, facts);
    await requireChange(area, folder, path, facts);
    const whole = there && facts && hasOtherBase(plan, facts) ? await rebase(plan, there, facts) : plan;
    try {
      if (there && facts && facts.nlink > 1n) await rewrite({ ...plan, ...whole }, there, facts);
      else {
        await settle(whole.file, area.options.ids, facts);
        await putUnder(plan, staging.at(whole.id, name), folder.at(name));
      }
    } finally {
      if (whole !== plan) await whole.file.close();
    }
    await tidy(plan, whole.id);
    await folder.sync().catch(unlessClosed);
    return await describe(folder, name);
  } finally {
    await there?.close();
  }
}

function requireStillReplaceable({ path, mode }: UploadPlan, facts: BigIntStats | null): void {
  if (facts === null) return;
  if (mode === 'unique')
    throw homeError('exists', path, 'the name that was chosen is taken meanwhile; send it again.');
  if (facts.isFile()) return;
  if (facts.isDirectory())
    throw homeError('is-folder', path, 'a folder of that name was made meanwhile; choose another name.');
  throw homeError(
    'busy',
    path,
    'something else stands there meanwhile; look at it, and send the file again.',
  );
}

interface Whole {
  id: string;
  file: FileHandle;
  sizeBytes: number;
}

/** Whether an append began on other bytes than are there now. */
function hasOtherBase({ base }: UploadPlan, facts: BigIntStats): boolean {
  return base !== null && base.validator !== toValidator(facts);
}

/** What was appended, behind what is there now. */
async function rebase(plan: UploadPlan, there: HeldEntry, facts: BigIntStats): Promise<Whole> {
  const { staging, name, file, base, sizeBytes } = plan;
  const id = newId(noSlot);
  await staging.make(id);
  try {
    const to = Number(facts.size);
    const from = base?.sizeBytes ?? 0;
    await copyInto(staging.at(id, name), { entry: there, sizeBytes: to });
    const target = await open(staging.at(id, name), constants.O_RDWR | constants.O_NOFOLLOW);
    try {
      await copyBytes(file, target, { from, end: sizeBytes, to });
      await requireOwn(plan);
    } catch (error) {
      await target.close();
      throw error;
    }
    return { id, file: target, sizeBytes: to + sizeBytes - from };
  } catch (error) {
    await staging.remove(id);
    throw error;
  }
}

/** Mode and owner of what it replaces, and its bytes, are on the disk. */
async function settle(
  file: FileHandle,
  ids: { uid: number; gid: number } | null,
  replaced: BigIntStats | null,
): Promise<void> {
  await takeOwner(file, replaced ? { uid: Number(replaced.uid), gid: Number(replaced.gid) } : ids);
  // After the owner, whose change may take bits away. Set-user-ID is never kept: these are other bytes.
  await file.chmod(replaced ? Number(replaced.mode) & 0o777 : newFileMode(ids));
  await file.sync();
}

/** Never replaces anything; where the file system has no hard links, a name of 64 random bits must do. */
async function linkNew(from: Buffer, to: Buffer): Promise<void> {
  await link(from, to).catch((error: unknown) => {
    if (!['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'].includes(codeOf(error))) throw error;
    return rename(from, to);
  });
}

async function putUnder(plan: UploadPlan, from: Buffer, to: Buffer): Promise<void> {
  try {
    await (plan.mode === 'unique' ? linkNew : rename)(from, to);
  } catch (error) {
    throw await explain(error, plan);
  }
}

async function explain(problem: unknown, plan: UploadPlan): Promise<unknown> {
  const code = codeOf(problem);
  if (code === 'ENOENT') await requireOwn(plan);
  if (code !== 'EXDEV') return problem;
  return homeError(
    'busy',
    plan.path,
    'a disk was mounted or unmounted there meanwhile; send the file again.',
    problem,
  );
}

/** Who goes on with an upload elsewhere has given its folder another name. */
async function requireOwn({ staging, id, name, path }: UploadPlan): Promise<void> {
  if (await lstat(staging.at(id, name)).catch(unlessMissing)) return;
  throw homeError('busy', path, 'this upload goes on in another connection of yours; end one of them.');
}

/** The file stands. What else lay there for it goes; what does not is swept a day later. */
async function tidy({ staging, id, name, older }: UploadPlan, wholeId: string): Promise<void> {
  for (const one of new Set([id, wholeId, ...older])) await staging.removeFile(one, name).catch(() => {});
}

function unlessMissing(error: unknown): null {
  if (codeOf(error) === 'ENOENT') return null;
  throw error;
}

/** A folder that we may change and not read cannot be opened to be synced. */
function unlessClosed(error: unknown): void {
  if (codeOf(error) !== 'EACCES') throw error;
}
