import { existsSync } from 'node:fs';
import { mkdir, readdir, realpath, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Config } from '../../config/config.ts';
import type { Manifest } from '../../contract/backup.ts';
import { AppError } from '../../contract/errors.ts';
import { withLocalDatabase } from '../local-database.ts';
import { removeEmptyFolder, removeTree } from '../../lib/remove.ts';
import { resolveProgramAccount } from '../../machine/program-account.ts';
import type { Connection, Database } from '../../adapters/store/database.ts';
import { migrate, readSchemaVersion } from '../../adapters/store/migrate.ts';
import { isUnused, loadSnapshot, settleSnapshot } from '../../adapters/store/snapshot.ts';
import { readCompressed } from './files.ts';
import { damaged, secretKeyFile, tableFile } from './manifest.ts';
import { restoreTree } from './restore-files.ts';
import { verifyBackup } from './verify-backup.ts';

export interface RestoreOptions {
  backup: string;
  /** The configuration for a data directory; the database appears there when it is whole. */
  configFor(dataDirectory: string): Config;
  dataDirectory: string;
  /** Leaves every queue paused, so that nothing runs before somebody has looked. */
  isPaused: boolean;
}

/** Restores into an empty data directory, or an empty database server and the directories of this configuration. */
export async function restoreBackup(options: RestoreOptions): Promise<Manifest> {
  const { backup, configFor, isPaused } = options;
  // A link to an empty folder on another disk stays one.
  const dataDirectory = await realpath(options.dataDirectory).catch(() => options.dataDirectory);
  const manifest = await verifyBackup(backup);
  const config = configFor(dataDirectory);
  await refuseUsedDirectories(config);
  const isMade = (await mkdir(dataDirectory, { recursive: true })) !== undefined;
  // On the same disk, which may be one that is mounted just there; nothing that a server would start on.
  const part = join(dataDirectory, partName);
  await mkdir(part);
  try {
    const partConfig = configFor(part);
    await withLocalDatabase(partConfig, 'daybook restore', (db, connection) =>
      restoreDatabase({ db, connection }, { directory: backup, manifest, isPaused }),
    );
    await restoreFiles(partConfig, { directory: backup, manifest });
    await moveUp(part);
    return manifest;
  } catch (error) {
    await removeTree(dataDirectory, partName);
    if (isMade) await removeEmptyFolder(dataDirectory);
    throw error;
  }
}

const partName = 'restore.part';

/** What belongs to an empty file system. */
const isOfDisk = (name: string): boolean => name === 'lost+found';

/** What says that there is a database comes last. */
async function moveUp(part: string): Promise<void> {
  const isLast = (name: string): number => Number(name.startsWith('database'));
  const names = (await readdir(part)).sort((a, b) => isLast(a) - isLast(b));
  for (const name of names) await rename(join(part, name), join(dirname(part), name));
  await removeEmptyFolder(part);
}

/** @throws AppError `conflict` naming the first directory that is not empty */
async function refuseUsedDirectories({ data }: Config): Promise<void> {
  for (const directory of [data.directory, data.scriptsDirectory, data.homeDirectory]) {
    const names = existsSync(directory) ? await readdir(directory) : [];
    if (names.includes(partName))
      throw new AppError(
        'conflict',
        `${join(directory, partName)} is left of a restore that broke off. Remove it, and try again.`,
      );
    if (names.every(isOfDisk)) continue;
    throw new AppError(
      'conflict',
      `${directory} is not empty. A backup is restored into an empty directory only, so that nothing is ever overwritten.`,
    );
  }
}

/**
 * Fills an empty database with the tables of a verified backup: the schema as it was then, the rows in one transaction,
 * then the migrations that came since.
 *
 * Attempts that ran at the moment of the backup stand there as running. Their programs are not of this copy: it has no
 * launcher's journal and another worker id, so it can neither take them up nor end them. The rescuer sees their worker
 * silent for one lease and ends the attempts as lost.
 */
async function restoreDatabase(
  { db, connection }: { db: Database; connection: Connection },
  { directory, manifest, isPaused }: { directory: string; manifest: Manifest; isPaused: boolean },
): Promise<void> {
  const { known } = await readSchemaVersion(db);
  if (manifest.schema > known) {
    throw new AppError(
      'conflict',
      `The backup was written by a newer Daybook (${manifest.daybook}, schema ${manifest.schema}; this version knows ${known}). Restore it with that version.`,
    );
  }
  if (!(await isUnused(connection))) {
    throw new AppError(
      'conflict',
      'The database has jobs or users. A backup is restored into an empty database only, so that nothing is ever overwritten.',
    );
  }
  await migrate(db, { upTo: manifest.schema });
  const entries = new Map(manifest.tables.map((table) => [table.name, table]));
  await loadSnapshot(connection, manifest, async ({ tables, load }) => {
    for (const { name } of tables) {
      const entry = entries.get(name);
      if (!entry) throw damaged(directory, `it has no table ${name}`);
      const rows = await load(entry, readCompressed(join(directory, tableFile(name))));
      if (rows !== entry.rows)
        throw damaged(directory, `${tableFile(name)} gave ${rows} rows, not ${entry.rows}`);
    }
  });
  await migrate(db);
  await settleSnapshot(db, { isPaused });
}

/** Puts scripts, the key of the secrets, and home when it is part of the backup, where this configuration has them. */
async function restoreFiles(
  config: Config,
  { directory, manifest }: { directory: string; manifest: Manifest },
): Promise<void> {
  const account = resolveProgramAccount(config.worker);
  const places = [
    { prefix: 'scripts', to: config.data.scriptsDirectory, owner: null },
    ...(manifest.hasSecretKey ? [{ prefix: secretKeyFile, to: config.secrets.keyFile, owner: null }] : []),
    ...(manifest.hasHome ? [{ prefix: 'home', to: config.data.homeDirectory, owner: account.ids }] : []),
  ];
  for (const place of places) await restoreTree({ directory, manifest }, place);
}
