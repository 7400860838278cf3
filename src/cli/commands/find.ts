import type { Command } from 'commander';
import { cleanText } from '../clean-text.ts';
import type { Client } from '../client.ts';
import {
  connectFor,
  examples,
  integerOption,
  jobPath,
  withServer,
  type ServerOptions,
} from '../command-parts.ts';
import type { CliContext } from '../context.ts';
import { ExitError } from '../errors.ts';
import { print, printJson } from '../output.ts';

interface FindOptions extends ServerOptions {
  ignoreCase?: boolean;
  backward?: boolean;
  stream?: string;
  attempt?: string;
  max?: string;
}

interface FoundPage {
  lines: { stream: string; line: number; text: string }[];
  next: string | null;
}

/** What grep says when it found nothing. */
const nothingFound = 1;

export function registerFind(program: Command, context: CliContext): void {
  const command = program
    .command('find <text> <job>')
    .summary('find a text in what a job printed')
    .description(
      'Prints the lines of a job that hold the text, each with its number; also while the job still prints. Ends with 1 when there is none.',
    )
    .option('-i, --ignore-case', 'take A-Z and a-z for equal')
    .option('-b, --backward', 'the last line first')
    .option('--stream <stream>', 'only stdout or stderr')
    .option('--attempt <number>', 'that try instead of the newest')
    .option('-m, --max <number>', 'at most so many lines', '1000');
  withServer(command)
    .addHelpText('after', examples('find ERROR 17', 'find -i "not converged" -m 1 --backward 17'))
    .action(async (text: string, job: string, options: FindOptions, self: Command) => {
      const client = await connectFor(context, self);
      const lines = await findLines(client, `${jobPath(job)}/output`, { text, ...options });
      if (options.json) await printJson(context, lines);
      else
        for (const line of lines)
          await print(context, `${line.stream}:${line.line}: ${cleanText(line.text)}`);
      if (lines.length === 0) throw new ExitError(nothingFound);
    });
}

/** All of them, however often the server's time for one search runs out. */
async function findLines(
  client: Client,
  path: string,
  options: FindOptions & { text: string },
): Promise<FoundPage['lines']> {
  const wanted = integerOption('--max', options.max ?? '1000', { min: 1, max: 1_000_000 });
  const lines: FoundPage['lines'] = [];
  for (let from: string | null | undefined; from !== null && lines.length < wanted;) {
    const page: FoundPage = await client.get<FoundPage>(path, {
      query: {
        find: options.text,
        case: options.ignoreCase ? 'ignore' : 'exact',
        direction: options.backward ? 'backward' : 'forward',
        stream: options.stream,
        attempt: options.attempt,
        lines: Math.min(1_000, wanted - lines.length),
        protocol: true,
        from,
      },
    });
    lines.push(...page.lines);
    from = page.next;
  }
  return lines;
}
