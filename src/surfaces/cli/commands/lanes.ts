import type { Command } from 'commander';
import type { Lane } from '../../../contract/fleet.ts';
import { cleanText } from '../clean-text.ts';
import {
  connectFor,
  examples,
  integerOption,
  segment,
  listCommand,
  withServer,
  type ServerOptions,
} from '../command-parts.ts';
import type { CliContext } from '../context.ts';
import { print, printJson } from '../output.ts';
import { printTable } from '../table.ts';

export function registerLanes(program: Command, context: CliContext): void {
  const group = program
    .command('lane')
    .alias('lanes')
    .summary('list and set counted limits')
    .description(
      'Counted limits: of a licence, a user (user:ana), a queue (queue:nightly), anything with a name.',
    )
    .enablePositionalOptions()
    .addHelpText(
      'after',
      examples('lane set licence:ansys 4', 'lane set user:ana 10', 'lane remove licence:ansys'),
    );

  withServer(listCommand(group, 'List lanes.')).action(async (options: ServerOptions, self: Command) => {
    const client = await connectFor(context, self);
    const answer = await client.get<{ items: Lane[] }>('/lanes');
    if (options.json) return printJson(context, answer);
    await printTable(
      context,
      answer.items,
      [
        { title: 'LANE', cell: ({ key }) => cleanText(key) },
        { title: 'PLACES', cell: ({ capacity }) => String(capacity), align: 'right' },
        { title: 'TAKEN', cell: ({ taken }) => String(taken), align: 'right' },
        { title: 'WAITING', cell: ({ waiting }) => String(waiting), align: 'right' },
        { title: 'NOTE', cell: ({ note }) => cleanText(note ?? ''), isFlexible: true },
      ],
      { empty: 'There are no lanes.' },
    );
  });
  withServer(
    group
      .command('set <key> <places>')
      .description('Make a lane, or change how many places it has.')
      .option('--note <text>', 'a remark shown beside it'),
  ).action(async (key: string, places: string, options: ServerOptions & { note?: string }, self: Command) => {
    const capacity = integerOption('The number of places', places, { min: 0, max: 1_000_000 });
    const { note } = options;
    const client = await connectFor(context, self);
    const body = { capacity, ...(note === undefined ? {} : { note }) };
    const lane = await client.send<Lane>('PUT', `/lanes/${segment(key)}`, { body });
    if (options.json) return printJson(context, lane);
    await print(
      context,
      `Lane ${cleanText(lane.key)} has ${lane.capacity === 1 ? 'one place' : `${lane.capacity} places`}, ${lane.taken} taken.`,
    );
  });
  withServer(group.command('remove <key>').description('Remove a limit; jobs it held back go on.')).action(
    async (key: string, options: ServerOptions, self: Command) => {
      const client = await connectFor(context, self);
      await client.send('DELETE', `/lanes/${segment(key)}`);
      if (!options.json) await print(context, `Lane ${cleanText(key)} is removed.`);
    },
  );
}
