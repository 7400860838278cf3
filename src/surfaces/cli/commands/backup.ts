import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { Manifest } from '../../../contract/backup.ts';
import { cleanText } from '../clean-text.ts';
import { examples } from '../command-parts.ts';
import type { CliContext } from '../context.ts';
import { UsageError } from '../errors.ts';
import { print, printJson, say } from '../output.ts';

interface BackupOptions {
  home?: boolean;
  verify?: boolean;
  json?: boolean;
}

interface RestoreOptions {
  data?: string;
  paused?: boolean;
  json?: boolean;
}

export function registerBackup(program: Command, context: CliContext): void {
  program
    .command('backup <directory>')
    .summary('write a backup, also while the server runs')
    .description(
      'Writes everything into a new directory: all tables as they were at one moment, the scripts, and the file with the key of the named secrets if there is one. It appears under its name when it is whole and verified. Settings are listed in it without secrets, and not restored.',
    )
    .option('--home', 'also the files of the home directory')
    .option('--verify', 'write nothing; check a backup that is there')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      examples('backup /backups/monday', 'backup --home /backups/all', 'backup --verify /backups/monday'),
    )
    .action(async (directory: string, options: BackupOptions) => {
      if (options.verify && options.home)
        throw new UsageError('--verify writes nothing, so --home says nothing.');
      const manifest = options.verify
        ? await (await context.loadLocalMachine()).verifyBackup(resolve(directory))
        : await write(context, directory, { withHome: options.home ?? false });
      if (options.json) return printJson(context, summarize(directory, manifest));
      await print(context, `${resolve(directory)} is ${wholeness(manifest)}: ${describe(manifest)}.`);
      await tellExceptions(context, manifest);
    });
}

export function registerRestore(program: Command, context: CliContext): void {
  program
    .command('restore <directory>')
    .summary('restore a backup into an empty place')
    .description(
      'Verifies a backup and restores it into an empty data directory (and, with DATABASE_URL, an empty database). An older backup is brought to this version. Queued jobs run at the next start; --paused holds them back.',
    )
    .option('--data <directory>', 'the new data directory (default: DAYBOOK_DATA)')
    .option('--paused', 'pause every queue, so that nothing runs before you have looked')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      examples('restore /backups/monday --data ./new-data', 'restore /backups/monday --data ./copy --paused'),
    )
    .action(async (directory: string, options: RestoreOptions) => {
      const { readConfig } = await context.loadConfiguration();
      const configFor = (data: string) => readConfig({ ...context.env, DAYBOOK_DATA: data });
      const dataDirectory = resolve(options.data ?? readConfig(context.env).data.directory);
      const { restoreBackup } = await context.loadLocalMachine();
      await say(context, `Restoring into ${dataDirectory}…`);
      const manifest = await restoreBackup({
        backup: resolve(directory),
        configFor,
        dataDirectory,
        isPaused: options.paused ?? false,
      });
      if (options.json) return printJson(context, summarize(directory, manifest));
      await print(context, `Restored into ${dataDirectory}: ${describe(manifest)}.`);
      await tellExceptions(context, manifest);
      const after = options.paused
        ? 'Every queue is paused: "daybook queue resume <name>" lets its jobs run.'
        : 'Jobs that were queued then run at the next start; those that ran then end as lost after one lease.';
      await say(context, after);
    });
}

async function write(context: CliContext, target: string, options: { withHome: boolean }): Promise<Manifest> {
  const { readConfig } = await context.loadConfiguration();
  const config = readConfig(context.env);
  const machine = await context.loadLocalMachine();
  machine.refuseMissingDatabase(config);
  await say(context, `Writing ${resolve(target)}…`);
  return machine.writeBackup(config, { target, ...options });
}

function rowsOf({ tables }: Manifest, name: string): number {
  return tables.find((table) => table.name === name)?.rows ?? 0;
}

function describe(manifest: Manifest): string {
  const { tables, files, hardLinks, createdAt, hasHome } = manifest;
  const bytes = [...tables, ...files].reduce((sum, one) => sum + one.bytes, 0);
  const home = hasHome ? 'with home' : 'without home';
  const key = manifest.hasSecretKey ? ', with the key of the secrets (keep it safe)' : '';
  return `${rowsOf(manifest, 'jobs')} jobs, ${tables.length} tables and ${files.length + hardLinks.length} files in ${Math.ceil(bytes / 1024)} KiB, ${home}${key}, of ${createdAt}`;
}

function wholeness({ notTaken }: Manifest): string {
  if (notTaken.length === 0) return 'whole';
  return `whole but for ${notTaken.length === 1 ? 'one entry' : `${notTaken.length} entries`} that could not be taken`;
}

const toldExceptions = 20;

async function tellExceptions(context: CliContext, { notTaken, changed }: Manifest): Promise<void> {
  const lines = [
    ...notTaken.map(({ path, why }) => `Not in the backup: ${cleanText(path)} (${why})`),
    ...changed.map((path) => `Written to while it was read: ${cleanText(path)}`),
  ];
  for (const line of lines.slice(0, toldExceptions)) await say(context, line);
  if (lines.length > toldExceptions)
    await say(context, `… and ${lines.length - toldExceptions} more; manifest.json has them all.`);
}

function summarize(directory: string, manifest: Manifest): object {
  const { format, daybook, createdAt, schema, tables, files, hardLinks, hasHome, notTaken, changed } =
    manifest;
  const rows = Object.fromEntries(tables.map((table) => [table.name, table.rows]));
  return {
    directory: resolve(directory),
    format,
    daybook,
    createdAt,
    schema,
    rows,
    files: files.length + hardLinks.length,
    notTaken,
    changed,
    hasHome,
  };
}
