import type { Command } from 'commander';
import type { View } from '../../../contract/view.ts';
import { cleanText } from '../clean-text.ts';
import {
  connectFor,
  examples,
  listCommand,
  segment,
  withServer,
  type ServerOptions,
} from '../command-parts.ts';
import type { CliContext } from '../context.ts';
import { toFilter } from '../filter.ts';
import { print, printJson } from '../output.ts';
import { printTable } from '../table.ts';

interface OwnerOptions extends ServerOptions {
  owner?: string;
}

export function registerViews(program: Command, context: CliContext): void {
  const group = program
    .command('view')
    .alias('views')
    .summary('list and keep filters under a name')
    .description('Filters kept under a name: your own, and those that are shared.')
    .enablePositionalOptions()
    .addHelpText(
      'after',
      examples(
        "view set 'my crashes' is:mine crash",
        'view set inbox is:ended -- "-analysis:*"',
        "view remove 'my crashes'",
      ),
    );

  withServer(listCommand(group, 'List views.')).action(async (options: ServerOptions, self: Command) => {
    const client = await connectFor(context, self);
    const answer = await client.get<{ items: View[] }>('/views');
    if (options.json) return printJson(context, answer);
    await printTable(
      context,
      answer.items,
      [
        { title: 'VIEW', cell: ({ name }) => cleanText(name) },
        { title: 'OWNER', cell: ({ owner }) => cleanText(owner) },
        { title: 'SHARED', cell: ({ shared }) => (shared ? 'yes' : 'no') },
        { title: 'FILTER', cell: ({ filter }) => cleanText(filter), isFlexible: true },
      ],
      { empty: 'There are no views.' },
    );
  });
  withServer(
    group
      .command('set <name> <filter...>')
      .description('Keep a filter under a name, in place of what stood there.')
      .option('--shared', 'for everybody')
      .option('--owner <name>', 'whose view it is; for operators'),
  ).action(
    async (name: string, filter: string[], options: OwnerOptions & { shared?: boolean }, self: Command) => {
      const client = await connectFor(context, self);
      const body = { filter: toFilter(filter), shared: options.shared ?? false };
      const view = await client.send<View>('PUT', `/views/${segment(name)}`, {
        body,
        query: { owner: options.owner },
      });
      if (options.json) return printJson(context, view);
      await print(context, `View ${cleanText(view.name)} is ${cleanText(view.filter)}`);
    },
  );
  withServer(
    group
      .command('remove <name>')
      .description('Remove a view.')
      .option('--owner <name>', 'whose view it is; for operators'),
  ).action(async (name: string, options: OwnerOptions, self: Command) => {
    const client = await connectFor(context, self);
    await client.send('DELETE', `/views/${segment(name)}`, { query: { owner: options.owner } });
    if (!options.json) await print(context, `View ${cleanText(name)} is removed.`);
  });
}
