import { createReadStream } from 'node:fs';
import type { Command } from 'commander';
import { mostLineBytes } from '../../../contract/import.ts';
import { splitLines } from '../../../lib/lines.ts';
import { connectFor, examples, withServer } from '../command-parts.ts';
import type { CliContext } from '../context.ts';
import { UsageError } from '../errors.ts';
import { conclude, importLines, noCounts, sayRefused, type ImportOptions } from '../import-lines.ts';
import { registerImportTasks } from './import-tasks.ts';

export function registerImport(program: Command, context: CliContext): void {
  const command = program
    .command('import <file>')
    .summary('take over jobs that others ran')
    .description(
      'Reads a file of JSON lines (- for standard input), a job a line, and adds those that are not known yet; they stand where their dates say. docs/operations.md has the members. The same file can be imported again and again.',
    )
    .option('--dry-run', 'say what would happen, and change nothing')
    .option('--update', 'jobs that are known take what their line says');
  withServer(command)
    .addHelpText(
      'after',
      examples(
        'import --dry-run old-jobs.jsonl',
        'import --update old-jobs.jsonl',
        'import tasks postgresql://tasks@db.example/tasks --logs /srv/tasks/logs',
      ),
    )
    .action(async (file: string, options: ImportOptions, self: Command) => {
      const client = await connectFor(context, self);
      const counts = noCounts();
      const lines = splitLines(open(context, file), { maxBytes: mostLineBytes });
      for await (const outcome of importLines(client, lines, options)) {
        counts[outcome.outcome] += 1;
        if (outcome.outcome === 'refused')
          await sayRefused(context, outcome.problems, `line ${outcome.line}`);
      }
      await conclude(context, counts, options);
    });
  registerImportTasks(command, context);
}

async function* open(context: CliContext, file: string): AsyncGenerator<Uint8Array> {
  try {
    yield* (file === '-' ? context.stdin : createReadStream(file)) as AsyncIterable<Uint8Array>;
  } catch (error) {
    throw new UsageError(`${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
}
