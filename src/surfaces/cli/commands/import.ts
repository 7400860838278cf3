import { createReadStream } from 'node:fs';
import type { Command } from 'commander';
import { mostLineBytes, type ImportOutcome } from '../../../contract/import.ts';
import { splitLines } from '../../../lib/lines.ts';
import { cleanText } from '../clean-text.ts';
import type { Client } from '../client.ts';
import { connectFor, examples, withServer, type ServerOptions } from '../command-parts.ts';
import type { CliContext } from '../context.ts';
import { ExitError, ServerError, UsageError } from '../errors.ts';
import { exitCodes } from '../exit-codes.ts';
import { print, printJson, say } from '../output.ts';

interface ImportOptions extends ServerOptions {
  dryRun?: boolean;
  update?: boolean;
}

type Counts = Record<ImportOutcome['outcome'], number>;

const requestLines = 2_000;
const requestCharacters = 4 * 1024 * 1024;

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
    .addHelpText('after', examples('import --dry-run old-jobs.jsonl', 'import --update old-jobs.jsonl'))
    .action(async (file: string, options: ImportOptions, self: Command) => {
      const client = await connectFor(context, self);
      const counts: Counts = { added: 0, updated: 0, known: 0, refused: 0 };
      for await (const outcome of importFile(context, client, file, options)) {
        counts[outcome.outcome] += 1;
        if (outcome.outcome === 'refused') await sayRefused(context, outcome);
      }
      if (options.json) await printJson(context, counts);
      else await print(context, describe(counts, options.dryRun ?? false));
      if (counts.refused > 0) throw new ExitError(exitCodes.failed.code);
    });
}

/** In requests of some thousand lines each: whatever breaks off, breaks off one of them. */
async function* importFile(
  context: CliContext,
  client: Client,
  file: string,
  options: ImportOptions,
): AsyncGenerator<ImportOutcome> {
  let lines: string[] = [];
  let characters = 0;
  let before = 0;
  const send = async (): Promise<ImportOutcome[]> => {
    const outcomes = await sendLines(client, lines, options);
    const shifted = outcomes.map((outcome) => ({ ...outcome, line: outcome.line + before }));
    before += lines.length;
    lines = [];
    characters = 0;
    return shifted;
  };
  for await (const line of splitLines(open(context, file), { maxBytes: mostLineBytes })) {
    lines.push(line);
    characters += line.length;
    if (lines.length >= requestLines || characters >= requestCharacters) yield* await send();
  }
  if (lines.length > 0) yield* await send();
}

async function* open(context: CliContext, file: string): AsyncGenerator<Uint8Array> {
  try {
    yield* (file === '-' ? context.stdin : createReadStream(file)) as AsyncIterable<Uint8Array>;
  } catch (error) {
    throw new UsageError(`${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
}

async function sendLines(
  client: Client,
  lines: readonly string[],
  { dryRun, update }: ImportOptions,
): Promise<ImportOutcome[]> {
  const answer = await client.sendText('/import', {
    query: { dryRun, update },
    text: `${lines.join('\n')}\n`,
    type: 'application/x-ndjson',
  });
  return answer
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const value = JSON.parse(line) as ImportOutcome | { error: { code: string; message: string } };
      if ('error' in value)
        throw new ServerError(value.error.message, { status: 503, code: value.error.code });
      return value;
    });
}

async function sayRefused(
  context: CliContext,
  { line, problems }: ImportOutcome & { outcome: 'refused' },
): Promise<void> {
  for (const { field, message } of problems) {
    await say(context, `line ${line}: ${field === '' ? '' : `${cleanText(field)}: `}${cleanText(message)}`);
  }
}

function describe({ added, updated, known, refused }: Counts, isDryRun: boolean): string {
  const would = isDryRun ? 'Nothing was changed; it would be: ' : '';
  return `${would}${added} added, ${updated} updated, ${known} known already, ${refused} refused.`;
}
