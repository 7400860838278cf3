import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '../../contract/errors.ts';
import type { Database, Queryable } from './database.ts';
import { isSqlError } from './sqlstates.ts';

const folder = join(import.meta.dirname, '../../../migrations');
const filePattern = /^(\d{4})_[a-z0-9-]+\.sql$/;

/** Numbers that no version ever had. Databases know the others by their number, so the gaps stay. */
const neverUsed: ReadonlySet<number> = new Set([13, 15, 16, 17, 19, 24]);

interface Migration {
  number: number;
  file: string;
}

/** Serialises starters; the number is arbitrary, but ours alone in this database. */
const migrationLock = 7_301_001;
const prepareLock = 7_301_007;

const lockTimeoutMs = 5_000;

export interface MigrateOptions {
  /** The last one to apply, for a database that is to be filled with an older backup. */
  upTo?: number;
  /** Told before each file that is applied: which of how many it is. Not where there is nothing to do. */
  onStep?(step: MigrationStep): void;
}

export interface MigrationStep {
  number: number;
  of: number;
  file: string;
  /** It waits for somebody else who uses the tables, or brings the schema up to date just now. */
  isWaiting: boolean;
}

/**
 * Brings the schema up to this version: forward only, each file in one transaction whose first statement records
 * its number. Racing starters are safe: each transaction holds the lock, and a number is recorded once.
 *
 * A file may take hours on a large diary, so `db` should have no limits of time. Only for locks it waits a few seconds
 * at a time: a statement that waits for a table makes everybody else wait behind it.
 * @throws AppError `configuration` when the database was made by a newer version, the server is too old, or a file refuses to be
 *   applied now, with its reason
 */
export async function migrate(db: Database, { upTo = Infinity, onStep }: MigrateOptions = {}): Promise<void> {
  await refuseOldServer(db);
  const all = await listMigrations();
  const applied = await prepare(db);
  refuseNewerSchema(applied, all);
  const missing = all.filter(({ number }) => number <= upTo && !applied.has(number));
  for (const [at, migration] of missing.entries()) {
    const step = { number: at + 1, of: missing.length, file: migration.file, isWaiting: false };
    onStep?.(step);
    while (!(await tryToApply(db, migration))) onStep?.({ ...step, isWaiting: true });
  }
}

/** Numbers of the newest migration this database has (0: none), and of the newest this version brings. */
export async function readSchemaVersion(db: Queryable): Promise<{ applied: number; known: number }> {
  const known = (await listMigrations()).at(-1)?.number ?? 0;
  const [row] = await db.query<{ isThere: boolean }>(
    `select to_regclass('schema_migrations') is not null as "isThere"`,
  );
  if (!row?.isThere) return { applied: 0, known };
  const [newest] = await db.query<{ number: number }>(
    'select coalesce(max(number), 0) as number from schema_migrations',
  );
  return { applied: newest?.number ?? 0, known };
}

/** `unique nulls not distinct` came with 15. */
const leastServerVersion = 150_000;

async function refuseOldServer(db: Database): Promise<void> {
  const [row] = await db.query<{ number: number; text: string }>(
    `select current_setting('server_version_num')::int as number, current_setting('server_version') as text`,
  );
  if (!row || row.number >= leastServerVersion) return;
  throw new AppError('configuration', `This server is PostgreSQL ${row.text}; Daybook needs 15 or newer.`);
}

/** Two at once would make the table twice; so the first look is made under a lock of its own, held for a moment. */
async function prepare(db: Database): Promise<Set<number>> {
  return db.transaction(async (tx) => {
    await tx.query('select pg_advisory_xact_lock($1)', [prepareLock]);
    await tx.query(
      'create table if not exists schema_migrations (number integer primary key, file text not null, applied_at timestamptz not null default now())',
    );
    const rows = await tx.query<{ number: number }>('select number from schema_migrations');
    return new Set(rows.map((row) => row.number));
  });
}

/** @returns false when a lock was not to be had for a while; nothing was changed then */
async function tryToApply(db: Database, migration: Migration): Promise<boolean> {
  try {
    await apply(db, migration);
    return true;
  } catch (error) {
    if (isSqlError(error, 'lockNotAvailable')) return false;
    if (!isSqlError(error, 'migrationRefused')) throw error;
    const message = `The schema cannot be brought up to date: ${error.message}. ${error.hint ?? ''}`;
    throw new AppError('configuration', message, { cause: error });
  }
}

async function apply(db: Database, migration: Migration): Promise<void> {
  const text = await readFile(join(folder, migration.file), 'utf8');
  await db.transaction(async (tx) => {
    await tx.query(`set local lock_timeout = ${lockTimeoutMs}`);
    await tx.query('select pg_advisory_xact_lock($1)', [migrationLock]);
    const mine = await tx.query(
      'insert into schema_migrations (number, file) values ($1, $2) on conflict do nothing returning number',
      [migration.number, migration.file],
    );
    if (mine.length > 0) await tx.query(text);
  });
}

function refuseNewerSchema(applied: ReadonlySet<number>, migrations: readonly Migration[]): void {
  const newestKnown = migrations.at(-1)?.number ?? 0;
  const newestApplied = Math.max(0, ...applied);
  if (newestApplied <= newestKnown) return;
  throw new AppError(
    'configuration',
    `This database was used by a newer Daybook (schema ${newestApplied}, this version knows ${newestKnown}). Start that version, or give this one another database.`,
  );
}

async function listMigrations(): Promise<Migration[]> {
  return orderMigrations(await readdir(folder));
}

/**
 * The migrations among these files, in order.
 * @throws Error for a name of another form, for two files of one number, and for a number that was left out
 */
export function orderMigrations(files: readonly string[]): Migration[] {
  const migrations = files
    .filter((file) => file.endsWith('.sql'))
    .map(toMigration)
    .sort((a, b) => a.number - b.number);
  for (const [at, { number, file }] of migrations.entries()) {
    const before = migrations[at - 1];
    if (before?.number === number)
      throw new Error(`migrations/${before.file} and migrations/${file} have one number`);
    for (let missing = (before?.number ?? 0) + 1; missing < number; missing += 1) {
      if (!neverUsed.has(missing))
        throw new Error(`migrations: there is no number ${missing} before ${file}`);
    }
  }
  return migrations;
}

function toMigration(file: string): Migration {
  const number = filePattern.exec(file)?.[1];
  if (number === undefined) throw new Error(`migrations/${file} has no name like 0001_what-it-does.sql`);
  return { number: Number(number), file };
}
