import { existsSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import type { Config } from '../../config/config.ts';
import type { Finding } from '../../contract/finding.ts';
import { placeOf } from '../local-database.ts';
import { findingsOf, reasonOf, toMiB } from './finding.ts';

const { ok, warn, bad } = findingsOf('disk');

const fewInodes = 10_000;

/** Free space and inodes where data, home and the database lie, against the level at which the worker stops. */
export async function checkDisk(config: Config): Promise<Finding[]> {
  const { data, worker } = config;
  const directories = new Map([
    ['data', data.directory],
    ['home', data.homeDirectory],
  ]);
  try {
    const place = config.database.kind === 'embedded' ? placeOf(config) : undefined;
    if (place) directories.set('database', place.directory);
  } catch {
    // Said by the check of the database.
  }
  const findings = [...directories]
    .filter(([, directory]) => existsSync(directory))
    .map(([name, directory]) => checkOne({ name, directory, least: worker.minFreeDiskBytes }));
  return Promise.all(findings);
}

async function checkOne(place: { name: string; directory: string; least: number }): Promise<Finding> {
  const { name, directory, least } = place;
  const facts = await statfs(directory).catch((error: unknown) => reasonOf(error));
  if (typeof facts === 'string') return bad(`${directory} cannot be asked: ${facts}`, 'Check the mount.');
  const free = facts.bavail * facts.bsize;
  const text = `${toMiB(free)} free for ${name} (${directory})`;
  if (free < least) {
    return bad(`${text}; below ${toMiB(least)} no job starts.`, 'Make room, or lower DAYBOOK_MIN_FREE_DISK.');
  }
  if (free < least * 2)
    return warn(`${text}; at ${toMiB(least)} no job starts any more.`, 'Make room in time.');
  // Some file systems (btrfs) have no fixed number of inodes and say 0.
  if (facts.files > 0 && facts.ffree < fewInodes) {
    return warn(
      `Only ${facts.ffree} more files can be made in ${directory}.`,
      'Remove small files: inodes run out.',
    );
  }
  return ok(`${text}.`);
}
