import type { Command } from 'commander';
import { jobStates, type JobState } from '../../../contract/states.ts';
import { connectFor, examples, withServer, type ServerOptions } from '../command-parts.ts';
import type { CliContext } from '../context.ts';
import { printJson } from '../output.ts';
import { printTable } from '../table.ts';

interface Stats {
  states: Partial<Record<JobState, number>>;
  queues: { queue: string; state: JobState; count: number }[];
}

export function registerStats(program: Command, context: CliContext): void {
  withServer(
    program
      .command('stats')
      .summary('count jobs by state and queue')
      .description('Counts jobs by state, and those of each queue.'),
  )
    .addHelpText('after', examples('stats', 'stats --json'))
    .action(async (options: ServerOptions, self: Command) => {
      const client = await connectFor(context, self);
      const stats = await client.get<Stats>('/stats');
      if (options.json) return printJson(context, stats);
      const counts = new Map<string, Partial<Record<JobState, number>>>([['all', stats.states]]);
      for (const { queue, state, count } of stats.queues) {
        counts.set(queue, { ...counts.get(queue), [state]: count });
      }
      const used = jobStates.filter((state) => stats.states[state]);
      await printTable(
        context,
        stats.queues.length === 0 && used.length === 0 ? [] : [...counts],
        [
          { title: 'QUEUE', cell: ([queue]) => queue },
          ...used.map((state) => ({
            title: state.toUpperCase(),
            cell: ([, row]: [string, Partial<Record<JobState, number>>]) => String(row[state] ?? 0),
            align: 'right' as const,
          })),
        ],
        { empty: 'There are no jobs yet.' },
      );
    });
}
