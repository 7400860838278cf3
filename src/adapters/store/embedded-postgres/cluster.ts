import { execFile } from 'node:child_process';
import { existsSync, readFileSync, renameSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { AppError } from '../../../contract/errors.ts';
import { removeTree } from '../../../lib/remove.ts';
import type { Binaries } from './binaries.ts';
import type { Place } from './place.ts';
import { databaseUser } from './server-settings.ts';

/** Nothing of the person's environment (PGDATA, locale, preloaded libraries) reaches PostgreSQL. */
export const serverEnvironment = { PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' };

/**
 * Makes the cluster (0.9–1.7 s). It is made under a temporary name and renamed when complete, so that a crash leaves
 * nothing that looks like a database.
 */
export async function createCluster(binaries: Binaries, place: Place): Promise<void> {
  const unfinished = `${place.clusterDirectory}.unfinished`;
  // Nothing else: what is called `cluster.old` is a copy that somebody made.
  await removeTree(dirname(unfinished), basename(unfinished));
  // The builtin provider: an upgrade of the operating system cannot change the order inside indexes.
  const locale = ['--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8', '--encoding=UTF8'];
  const options = ['--data-checksums', '--no-instructions', `--username=${databaseUser}`, '--auth=trust'];
  await run(join(binaries.directory, 'bin/initdb'), [`--pgdata=${unfinished}`, ...locale, ...options], place);
  renameSync(unfinished, place.clusterDirectory);
}

/** @throws AppError `configuration` when another major version of PostgreSQL made the cluster */
export function checkVersion(binaries: Binaries, place: Place): void {
  const file = join(place.clusterDirectory, 'PG_VERSION');
  const found = existsSync(file) ? readFileSync(file, 'utf8').trim() : 'unknown';
  if (found === binaries.major) return;
  throw new AppError(
    'configuration',
    `The database in ${place.directory} was made by PostgreSQL ${found}, and this Daybook brings PostgreSQL ${binaries.major}, which cannot read it. Start the Daybook that made it, take a backup there (daybook backup), and restore it here into a new data directory (daybook restore).`,
  );
}

async function run(program: string, args: readonly string[], place: Place): Promise<void> {
  try {
    await promisify(execFile)(program, args, { cwd: '/', env: serverEnvironment, ...place.account });
  } catch (error) {
    const output = error instanceof Error && 'stderr' in error ? String(error.stderr).trim() : '';
    throw new AppError(
      'configuration',
      `The database could not be made in ${place.directory}: ${output || String(error)}`,
      { cause: error },
    );
  }
}
