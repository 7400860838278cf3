import type { Command } from 'commander';
import type { Failure } from '../../../contract/failure.ts';
import { cleanText } from '../clean-text.ts';
import { connectFor, examples, integerOption, withServer, type ServerOptions } from '../command-parts.ts';
import type { CliContext } from '../context.ts';
import { printJson } from '../output.ts';
import { printTable } from '../table.ts';
import { formatAgo, formatTime, momentOption } from '../time.ts';

export function registerFailures(program: Command, context: CliContext): void {
  withServer(
    program
      .command('failures')
      .summary('jobs that failed, those that failed alike together')
      .description(
        'Lists what jobs failed of, the newest first: failures that say the same but for numbers, paths and names are one.',
      )
      .option('--since <time>', 'failed since then: 2h, 3d, today, 2026-03-01', '30d')
      .option('-n, --limit <number>', 'at most so many', '50'),
  )
    .addHelpText('after', examples('failures', 'failures --since 1d'))
    .action(async (options: ServerOptions & { since: string; limit: string }, self: Command) => {
      const client = await connectFor(context, self);
      const { items } = await client.get<{ items: Failure[] }>('/failures', {
        query: {
          since: momentOption('--since', options.since, { direction: 'ago' }).toISOString(),
          limit: integerOption('--limit', options.limit, { min: 1, max: 500 }),
        },
      });
      if (options.json) return printJson(context, items);
      const time = (at: string): string => (context.stdout.isTTY ? formatAgo(at) : formatTime(at));
      await printTable(
        context,
        items,
        [
          { title: 'FAMILY', cell: ({ id }) => id },
          { title: 'JOBS', cell: ({ jobs }) => String(jobs), align: 'right' },
          { title: 'FIRST', cell: ({ firstSeenAt }) => time(firstSeenAt) },
          { title: 'LAST', cell: ({ lastSeenAt }) => time(lastSeenAt) },
          { title: 'NEWEST', cell: ({ lastJobId }) => String(lastJobId), align: 'right' },
          { title: 'WHAT', cell: ({ signature }) => cleanText(signature), isFlexible: true },
        ],
        { empty: 'Nothing failed.' },
      );
    });
}
