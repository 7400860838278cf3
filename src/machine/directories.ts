import { randomBytes } from 'node:crypto';
import { statSync } from 'node:fs';
import { chown, cp, mkdir, readdir, realpath, stat, symlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { AppError } from '../contract/errors.ts';
import type { DataConfig } from '../config/config.ts';
import { canReach, type Account } from '../lib/file-access.ts';
import { accountsOf, type Advised, type ProgramAccount } from './program-account.ts';
import { divideHome, shareHome } from './shared-home.ts';

const samples = join(import.meta.dirname, '../../samples/scripts');

/** Where directories go that programs could not reach in their usual place. */
const systemDirectory = '/var/lib/daybook';

/**
 * Makes the directories that are not there yet, and says where home and scripts really are.
 *
 * The home directory belongs to whom programs run as (`shared-home.ts`); the scripts directory does not, else a program
 * could change what runs next. A new scripts directory starts with samples. Where the account of the programs cannot
 * reach the usual place (a clone below /root, started as root), a link there leads to one that it can.
 * @throws AppError `configuration` naming the directory that cannot be made or reached
 */
export async function prepareDirectories(
  data: DataConfig,
  account: ProgramAccount,
  options: { systemDirectory?: string; isHomePerUser?: boolean } = {},
): Promise<Pick<DataConfig, 'homeDirectory' | 'scriptsDirectory' | 'pinnedDirectory' | 'attemptsDirectory'>> {
  const place = {
    accounts: accountsOf(account),
    systemDirectory: options.systemDirectory ?? systemDirectory,
  };
  checkEntries(data);
  await make(data.directory);
  await make(data.logsDirectory);
  const home = await makeReachable(data.homeDirectory, place);
  if (home.isNew && account.ids) await chown(home.path, account.ids.uid, account.ids.gid);
  await (options.isHomePerUser ? divideHome : shareHome)(home.path, account);
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

/** What stands in the data directory, and could be in the way under its name. */
function checkEntries({ directory, ...data }: DataConfig): void {
  const inLauncher = ['lock', 'journal', 'spill', 'socket-path', 'launcher.log'];
  const files = ['worker-id', 'database.json', ...inLauncher.map((name) => join('launcher', name))];
  const folders = [data.homeDirectory, data.scriptsDirectory, data.pinnedDirectory, data.attemptsDirectory];
  const problems = [
    ...files.map((name) => join(directory, name)).filter((path) => kindOf(path) === 'folder'),
    ...[directory, ...folders, data.launcherDirectory, data.logsDirectory].filter(
      (path) => kindOf(path) === 'other',
    ),
  ].map((path) => {
    const [found, wanted] = kindOf(path) === 'folder' ? ['folder', 'file'] : ['file', 'folder'];
    return `${path} is a ${found}, and a ${wanted} is to stand there: move it away, or choose another place by DAYBOOK_DATA.`;
  });
  if (problems.length > 0) throw new AppError('configuration', problems.join(' '));
}

/** Null when nothing is there. */
function kindOf(path: string): 'folder' | 'other' | null {
  try {
    return statSync(path).isDirectory() ? 'folder' : 'other';
  } catch {
    // Nothing, or nothing that can be looked at, which is told by whoever uses it.
    return null;
  }
}

/**
 * Why others than the operator can change what runs next: they may write into the scripts directory. Null when they
 * cannot.
 */
export function findOpenScripts(directory: string, { ids, name }: ProgramAccount): Advised | null {
  const { mode, uid, gid } = statSync(directory);
  const areTheirs = ids !== null && uid === ids.uid && (mode & 0o200) !== 0;
  const isForGroup = ids !== null && gid === ids.gid && (mode & 0o020) !== 0;
  const isForAll = (mode & 0o002) !== 0;
  if (!isForAll && !areTheirs && !isForGroup) return null;
  const who = isForAll ? 'everybody on this machine' : `the programs of jobs, as ${name}`;
  return {
    text: `The scripts directory ${directory} may be written by ${who} (mode ${(mode & 0o7777).toString(8)}): who can write there decides what the jobs of others run.`,
    advice: `${areTheirs ? `chown ${process.getuid?.() ?? 'root'} ${directory} && ` : ''}chmod go-w ${directory}`,
  };
}

/** Where programs must get, and some do not. Null when all get there. */
export function findUnreachable(path: string, account: ProgramAccount): Advised | null {
  const [first, ofOwner] = accountsOf(account);
  const { name } = account;
  if (first && !canReach(path, first))
    return {
      text: `Programs run as ${name}, who cannot reach ${path}.`,
      advice:
        'Open the folders on the way (chmod o+x), choose others by DAYBOOK_DATA, or name another WORKER_USER.',
    };
  if (ofOwner && !canReach(path, ofOwner))
    return {
      text: `Programs of owners run under numbers of their own in the group of ${name}, which cannot reach ${path}.`,
      advice:
        'Open the folders on the way for that group (chmod g+rx), or let all programs run as one account: DAYBOOK_OWNER_IDS=off.',
    };
  return null;
}

interface Place {
  accounts: readonly Account[];
  systemDirectory: string;
}

async function makeReachable(
  path: string,
  { accounts, systemDirectory }: Place,
): Promise<{ path: string; isNew: boolean }> {
  if (await isDirectory(path)) return { path: await realpath(path), isNew: false };
  await make(dirname(path));
  const around = await realpath(dirname(path));
  if (accounts.every((account) => canReach(around, account))) {
    await make(path);
    return { path: await realpath(path), isNew: true };
  }
  const elsewhere = join(systemDirectory, randomBytes(6).toString('hex'), basename(path));
  await make(elsewhere);
  await symlink(elsewhere, path);
  return { path: elsewhere, isNew: true };
}

function requireReach(path: string, account: ProgramAccount): void {
  const problem = findUnreachable(path, account);
  if (problem) throw new AppError('configuration', `${problem.text} ${problem.advice}`);
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
