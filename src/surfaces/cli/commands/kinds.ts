import type { Command } from 'commander';
import type { KindDescription } from '../../../contract/kind.ts';
import { cleanText } from '../clean-text.ts';
import { connectFor, examples, withServer, type ServerOptions } from '../command-parts.ts';
import type { CliContext } from '../context.ts';
import { UsageError } from '../errors.ts';
import { describeKind } from '../kind-view.ts';
import { painter, print, printJson } from '../output.ts';
import { printTable } from '../table.ts';

export function registerKinds(program: Command, context: CliContext): void {
  withServer(
    program
      .command('kinds [kind]')
      .summary('show what can be submitted')
      .description('Lists the kinds of jobs that the server takes; of one kind, what its input is made of.'),
  )
    .addHelpText('after', examples('kinds', 'kinds url'))
    .action(async (name: string | undefined, options: ServerOptions, self: Command) => {
      const client = await connectFor(context, self);
      const { items } = await client.get<{ items: KindDescription[] }>('/kinds');
      if (name !== undefined) {
        const kind = requireKind(name, items);
        if (options.json) return printJson(context, kind);
        return print(context, describeKind(kind, painter(context.stdout, context.env)));
      }
      if (options.json) return printJson(context, { items });
      await printTable(
        context,
        items,
        [
          { title: 'KIND', cell: ({ name }) => cleanText(name) },
          { title: 'WHAT IT DOES', cell: ({ description }) => cleanText(description), isFlexible: true },
        ],
        { empty: 'The server takes no jobs.' },
      );
    });
}

/** @throws UsageError */
function requireKind(name: string, kinds: readonly KindDescription[]): KindDescription {
  const found = kinds.find((kind) => kind.name === name);
  if (found) return found;
  const known = kinds.map((kind) => kind.name).join(', ');
  throw new UsageError(`There is no kind "${name}"; expected one of ${known}.`);
}
