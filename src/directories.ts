import { chown, cp, mkdir, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from './contract/errors.ts';
import type { DataConfig } from './config/config.ts';
import type { ProgramAccount } from './program-account.ts';

const samples = join(import.meta.dirname, '../samples/scripts');

/**
 * Makes the directories that are not there yet. The home directory belongs to whom programs run as; the scripts
 * directory does not, else a program could change what runs next. A new scripts directory starts with samples.
 * @throws AppError `configuration` naming the directory that cannot be made
 */
export async function prepareDirectories(data: DataConfig, account: ProgramAccount): Promise<void> {
  await make(data.directory);
  await make(data.logsDirectory);
  const isNewHome = await make(data.homeDirectory);
  if (isNewHome && account.ids) await chown(data.homeDirectory, account.ids.uid, account.ids.gid);
  await make(data.scriptsDirectory);
  const present = await readdir(data.scriptsDirectory);
  if (present.length === 0) await cp(samples, data.scriptsDirectory, { recursive: true });
}

/** True when it was made now. */
async function make(directory: string): Promise<boolean> {
  const isThere = await stat(directory).then(
    (facts) => facts.isDirectory(),
    () => false,
  );
  if (isThere) return false;
  try {
    await mkdir(directory, { recursive: true });
    return true;
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'failed';
    throw new AppError(
      'configuration',
      `The directory ${directory} cannot be made (${code}). Make it writable for this user, or choose another one by DAYBOOK_DATA.`,
      { cause: error },
    );
  }
}
