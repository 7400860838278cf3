import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '../../contract/errors.ts';
import type { Database, Queryable } from './database.ts';

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

/**
 * Brings the schema up to this version: forward only, each file in one transaction whose first statement records
 * its number. Racing starters are safe: each transaction holds the lock, and a number is recorded once.
 * @param options.upTo the last one to apply, for a database that is to be filled with an older backup
 * @throws AppError `configuration` when the database was made by a newer version, or the server is too old
 */
export async function migrate(db: Database, options: { upTo?: number } = {}): Promise<void> {
  await refuseOldServer(db);
  const all = await listMigrations();
  const { upTo = all.at(-1)?.number ?? 0 } = options;
  const migrations = all.filter(({ number }) => number <= upTo);
  const applied = await prepare(db);
  refuseNewerSchema(applied, all);
  for (const migration of migrations) {
    if (!applied.has(migration.number)) await apply(db, migration);
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

async function prepare(db: Database): Promise<Set<number>> {
  return db.transaction(async (tx) => {
    await tx.query('select pg_advisory_xact_lock($1)', [migrationLock]);
    await tx.query(
      'create table if not exists schema_migrations (number integer primary key, file text not null, applied_at timestamptz not null default now())',
    );
    const rows = await tx.query<{ number: number }>('select number from schema_migrations');
    return new Set(rows.map((row) => row.number));
  });
}

async function apply(db: Database, migration: Migration): Promise<void> {
  const text = await readFile(join(folder, migration.file), 'utf8');
  await db.transaction(async (tx) => {
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
