import type { ImportOutcome, ImportProblem } from '../../contract/import.ts';
import { cleanText } from './clean-text.ts';
import type { Client } from './client.ts';
import type { ServerOptions } from './command-parts.ts';
import type { CliContext } from './context.ts';
import { ExitError, ServerError } from './errors.ts';
import { exitCodes } from './exit-codes.ts';
import { print, printJson, say } from './output.ts';

export interface ImportOptions extends ServerOptions {
  dryRun?: boolean;
  update?: boolean;
}

type Counts = Record<ImportOutcome['outcome'], number>;

export function noCounts(): Counts {
  return { added: 0, updated: 0, known: 0, refused: 0 };
}

const requestLines = 2_000;
const requestCharacters = 4 * 1024 * 1024;

/** In requests of some thousand lines each: whatever breaks off, breaks off one of them. */
export async function* importLines(
  client: Client,
  source: AsyncIterable<string>,
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
  for await (const line of source) {
    lines.push(line);
    characters += line.length;
    if (lines.length >= requestLines || characters >= requestCharacters) yield* await send();
  }
  if (lines.length > 0) yield* await send();
}

/** Prints what became of all of them. @throws ExitError when some were refused */
export async function conclude(
  context: CliContext,
  counts: Counts,
  options: ImportOptions,
  more: object = {},
): Promise<void> {
  if (options.json) await printJson(context, { ...counts, ...more });
  else await print(context, describe(counts, options.dryRun ?? false));
  if (counts.refused > 0) throw new ExitError(exitCodes.failed.code);
}

export async function sayRefused(
  context: CliContext,
  problems: readonly ImportProblem[],
  place: string,
): Promise<void> {
  for (const { field, message } of problems) {
    await say(context, `${place}: ${field === '' ? '' : `${cleanText(field)}: `}${cleanText(message)}`);
  }
}

function describe({ added, updated, known, refused }: Counts, isDryRun: boolean): string {
  const would = isDryRun ? 'Nothing was changed; it would be: ' : '';
  return `${would}${added} added, ${updated} updated, ${known} known already, ${refused} refused.`;
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
