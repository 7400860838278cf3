import type { Command } from 'commander';
import type { JobSummary } from '../../../contract/job.ts';
import { shownText } from '../../../contract/terminal-line.ts';
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
import { toFilter } from '../filter.ts';
import { print, printJson } from '../output.ts';

interface FindOptions extends ServerOptions {
  filter?: string;
  ignoreCase?: boolean;
  backward?: boolean;
  stream?: string;
  attempt?: string;
  max?: string;
  reports?: boolean;
}

interface FoundPage {
  lines: { stream: string; line: number; text: string }[];
  next: string | null;
}

/** What grep says when it found nothing. */
const nothingFound = 1;

export function registerFind(program: Command, context: CliContext): void {
  const command = program
    .command('find <text> [job]')
    .summary('find a text in what jobs printed')
    .description(
      'Prints the lines of a job that hold the text, each with its number; also while the job still prints. Without a job, looks through what all jobs of a filter printed, the newest first. Ends with 1 when there is none.',
    )
    .option(
      '-f, --filter <filter>',
      'without a job: only jobs of this filter, such as "state:failed kind:script"',
    )
    .option('-i, --ignore-case', 'take A-Z and a-z for equal')
    .option('-b, --backward', 'the last line first')
    .option('--stream <stream>', 'only stdout or stderr')
    .option('--attempt <number>', 'that try instead of the newest')
    .option('-m, --max <number>', 'of a job: at most so many lines', '1000')
    .option('--reports', 'of a job: also lines that were reports to Daybook');
  withServer(command)
    .addHelpText(
      'after',
      examples(
        'find ERROR 17',
        'find "time step too small" --filter "kind:script submitted:>-7d"',
        'find -i "not converged" -m 1 --backward 17',
      ),
    )
    .action(async (text: string, job: string | undefined, options: FindOptions, self: Command) => {
      const filter = toFilter(options.filter === undefined ? [] : [options.filter]);
      const client = await connectFor(context, self);
      if (job === undefined) return findInAll(context, client, { ...options, text, filter });
      const lines = await findLines(client, `${jobPath(job)}/output`, { text, ...options });
      if (options.json) await printJson(context, lines);
      else
        for (const line of lines)
          await print(context, `${line.stream}:${line.line}: ${cleanText(shownText(line.text))}`);
      if (lines.length === 0) throw new ExitError(nothingFound);
    });
}

interface FoundJobs {
  items: { job: JobSummary; lines: FoundPage['lines']; isUnfinished: boolean }[];
  cursor: string | null;
  searchedBackTo: string | null;
}

/** Goes through all jobs of the filter, printing as it finds. */
async function findInAll(
  context: CliContext,
  client: Client,
  { text, filter, ignoreCase, json }: FindOptions & { text: string },
): Promise<void> {
  const found: FoundJobs['items'] = [];
  for (let cursor: string | null | undefined; cursor !== null;) {
    const page: FoundJobs = await client.get<FoundJobs>('/output', {
      query: { find: text, case: ignoreCase ? 'ignore' : 'exact', q: filter, cursor },
    });
    found.push(...page.items);
    if (!json) for (const item of page.items) await printFound(context, item);
    ({ cursor } = page);
  }
  if (json) await printJson(context, found);
  if (found.length === 0) throw new ExitError(nothingFound);
}

async function printFound(
  context: CliContext,
  { job, lines, isUnfinished }: FoundJobs['items'][number],
): Promise<void> {
  await print(context, `Job ${job.id}  ${cleanText(job.name)}`);
  for (const line of lines)
    await print(context, `  ${line.stream}:${line.line}: ${cleanText(shownText(line.text))}`);
  if (isUnfinished)
    await print(context, `  (its output is long: daybook find … ${job.id} looks through all of it)`);
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
        protocol: options.reports ?? false,
        from,
      },
    });
    lines.push(...page.lines);
    from = page.next;
  }
  return lines;
}
