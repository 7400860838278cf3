import { randomBytes } from 'node:crypto';
import { chown, cp, mkdir, readdir, realpath, stat, symlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { AppError } from '../contract/errors.ts';
import type { DataConfig } from '../config/config.ts';
import { canReach, type Account } from '../lib/file-access.ts';
import type { ProgramAccount } from './program-account.ts';

const samples = join(import.meta.dirname, '../../samples/scripts');

/** Where directories go that programs could not reach in their usual place. */
const systemDirectory = '/var/lib/daybook';

/**
 * Makes the directories that are not there yet, and says where home and scripts really are.
 *
 * The home directory belongs to whom programs run as; the scripts directory does not, else a program could change what
 * runs next. A new scripts directory starts with samples. Where the account of the programs cannot reach the usual
 * place (a clone below /root, started as root), a link there leads to one that it can.
 * @throws AppError `configuration` naming the directory that cannot be made or reached
 */
export async function prepareDirectories(
  data: DataConfig,
  account: ProgramAccount,
  options: { systemDirectory?: string } = {},
): Promise<Pick<DataConfig, 'homeDirectory' | 'scriptsDirectory' | 'pinnedDirectory' | 'attemptsDirectory'>> {
  const place = { ids: account.ids, systemDirectory: options.systemDirectory ?? systemDirectory };
  await make(data.directory);
  await make(data.logsDirectory);
  const home = await makeReachable(data.homeDirectory, place);
  if (home.isNew && account.ids) await chown(home.path, account.ids.uid, account.ids.gid);
  const scripts = await makeReachable(data.scriptsDirectory, place);
  const present = await readdir(scripts.path);
  if (present.length === 0) await cp(samples, scripts.path, { recursive: true });
  const pinned = await makeReachable(data.pinnedDirectory, place);
  const attempts = await makeReachable(data.attemptsDirectory, place);
  for (const path of [home.path, scripts.path, pinned.path, attempts.path]) requireReach(path, account);
  return {
    homeDirectory: home.path,
    scriptsDirectory: scripts.path,
    pinnedDirectory: pinned.path,
    attemptsDirectory: attempts.path,
  };
}

interface Place {
  ids: Account | null;
  systemDirectory: string;
}

async function makeReachable(
  path: string,
  { ids, systemDirectory }: Place,
): Promise<{ path: string; isNew: boolean }> {
  if (await isDirectory(path)) return { path: await realpath(path), isNew: false };
  await make(dirname(path));
  if (!ids || canReach(await realpath(dirname(path)), ids)) {
    await make(path);
    return { path: await realpath(path), isNew: true };
  }
  const elsewhere = join(systemDirectory, randomBytes(6).toString('hex'), basename(path));
  await make(elsewhere);
  await symlink(elsewhere, path);
  return { path: elsewhere, isNew: true };
}

function requireReach(path: string, { ids, name }: ProgramAccount): void {
  if (!ids || canReach(path, ids)) return;
  throw new AppError(
    'configuration',
    `Programs run as ${name}, who cannot reach ${path}. Open the folders on the way (chmod o+x), choose others by DAYBOOK_DATA, or name another WORKER_USER.`,
  );
}

async function make(directory: string): Promise<void> {
  if (await isDirectory(directory)) return;
  try {
    await mkdir(directory, { recursive: true });
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'failed';
    throw new AppError(
      'configuration',
      `The directory ${directory} cannot be made (${code}). Make it writable for this user, or choose another one by DAYBOOK_DATA.`,
      { cause: error },
    );
  }
}

function isDirectory(path: string): Promise<boolean> {
  return stat(path).then(
    (facts) => facts.isDirectory(),
    () => false,
  );
}
