import { existsSync } from 'node:fs';
import { lstat, mkdir, readdir, realpath, rename } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import packageFile from '../../../package.json' with { type: 'json' };
import { describeConfig, type Config } from '../../config/config.ts';
import type { Manifest, TableEntry } from '../../contract/backup.ts';
import { AppError } from '../../contract/errors.ts';
import type { Connection } from '../../adapters/store/database.ts';
import { withSnapshot } from '../../adapters/store/snapshot.ts';
import { lockDirectory, lockHolder } from '../../lib/directory-lock.ts';
import { removeEmptyFolder, removeFile, removeTree } from '../../lib/remove.ts';
import { resolveProgramAccount } from '../../machine/program-account.ts';
import { copyTree, emptyTree, type Tree } from './copy-tree.ts';
import { syncDirectory, writeCompressed } from './files.ts';
import { secretKeyFile, tableFile, writeManifest } from './manifest.ts';
import { verifyBackup } from './verify-backup.ts';

export interface BackupOptions {
  config: Config;
  connection: Connection;
  /** Must not exist. */
  target: string;
  withHome: boolean;
}

/**
 * Writes a backup while the server runs, or not. It appears under its name when it is whole and verified.
 * @throws AppError when the target exists, or cannot be written (a full disk): then nothing is left behind
 */
export async function writeBackup(options: BackupOptions): Promise<Manifest> {
  const target = resolve(options.target);
  if (existsSync(target))
    throw new AppError('conflict', `${target} exists; a backup gets a name of its own.`);
  const part = `${target}.part`;
  await removeLeftover(part);
  try {
    await mkdir(dirname(part), { recursive: true });
    await mkdir(part, { mode: 0o700 });
  } catch (error) {
    throw toAppError(error, target);
  }
  try {
    const { release } = lockDirectory(part, { name: lockName, holderTitle: 'Another backup' });
    await writeManifest(part, await writeParts(part, options));
    const manifest = await verifyBackup(part);
    release();
    for (const name of await readdir(part)) if (isLock(name)) await removeFile(join(part, name));
    await syncDirectory(part);
    await rename(part, target);
    await syncDirectory(dirname(target));
    return manifest;
  } catch (error) {
    await removeTree(dirname(part), basename(part)).catch(() => {
      // What cannot be removed is still called .part.
    });
    throw toAppError(error, target);
  }
}

/** In the folder of a backup that is being written: says that it is one, and whether somebody still writes it. */
const lockName = 'backup';

function isLock(name: string): boolean {
  return /^\.?backup\.lock[.-][\d-]+$/.test(name);
}

/** @throws AppError `conflict` when what stands there is no backup that broke off */
async function removeLeftover(part: string): Promise<void> {
  if (await removeEmptyFolder(part)) return;
  const facts = await lstat(part);
  const isOurs = facts.isDirectory() && (await readdir(part)).some(isLock);
  if (!isOurs)
    throw new AppError(
      'conflict',
      `${part} is in the way, and is no backup that broke off. Move it away, or choose another name.`,
    );
  const holder = lockHolder(part, { name: lockName });
  if (holder) throw new AppError('conflict', `Another backup (pid ${holder.pid}) is writing ${part}.`);
  await removeTree(dirname(part), basename(part));
}

async function writeParts(part: string, options: BackupOptions): Promise<Manifest> {
  const { config, connection, withHome } = options;
  const fromDatabase = await withSnapshot(connection, async (snapshot) => {
    const tables: TableEntry[] = [];
    for (const { name, columns } of snapshot.tables) {
      let written = { bytes: 0, sha256: '' };
      const rows = await snapshot.copy({ name, columns }, async (stream) => {
        written = await writeCompressed(join(part, tableFile(name)), stream);
      });
      tables.push({ name, columns, rows, ...written });
    }
    const { schema, serverVersion: postgres, partitions } = snapshot;
    return { schema, postgres, partitions, tables, sequences: await snapshot.sequences() };
  });
  const trees = [await copyDirectory(config.data.scriptsDirectory, part, 'scripts')];
  if (withHome) trees.push(await copyDirectory(config.data.homeDirectory, part, 'home'));
  const key = await copyDirectory(config.secrets.keyFile, part, secretKeyFile);
  trees.push(key);
  return {
    format: 2,
    daybook: packageFile.version,
    createdAt: new Date().toISOString(),
    ...fromDatabase,
    files: trees.flatMap(({ files }) => files),
    links: trees.flatMap(({ links }) => links),
    directories: trees.flatMap(({ directories }) => directories),
    hardLinks: trees.flatMap(({ hardLinks }) => hardLinks),
    notTaken: trees.flatMap(({ notTaken }) => notTaken),
    changed: trees.flatMap(({ changed }) => changed),
    programs: programsOf(config),
    hasHome: withHome,
    hasSecretKey: key.files.length > 0,
    settings: [...describeConfig(config)],
  };
}

/** Whom they run as; where nothing is switched, as we do. */
function programsOf({ worker }: Config): Manifest['programs'] {
  const { uid, gid } = userInfo();
  return resolveProgramAccount(worker).ids ?? { uid, gid };
}

/** A directory, or a file, where it is there. */
async function copyDirectory(from: string, part: string, prefix: string): Promise<Tree> {
  if (!existsSync(from)) return emptyTree();
  return copyTree(await realpath(from), part, prefix);
}

const full = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);

function toAppError(error: unknown, target: string): unknown {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (full.has(code)) {
    return new AppError(
      'configuration',
      `The backup could not be written: there is no room at ${dirname(target)} (${code}). Nothing was left there; make room, or choose another place.`,
      { cause: error },
    );
  }
  if (['EACCES', 'EROFS', 'ENOTDIR', 'EPERM'].includes(code)) {
    return new AppError('configuration', `${target} cannot be written (${code}). Choose another place.`, {
      cause: error,
    });
  }
  return error;
}
