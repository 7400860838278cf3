import type { Command } from 'commander';
import type { Token } from '../../../contract/accounts.ts';
import { cleanText } from '../clean-text.ts';
import {
  collect,
  connectFor,
  examples,
  integerOption,
  listCommand,
  withServer,
  type ServerOptions,
} from '../command-parts.ts';
import type { CliContext } from '../context.ts';
import { print, printJson, say } from '../output.ts';
import { printTable } from '../table.ts';
import { formatAgo, formatTime, momentOption } from '../time.ts';

interface CreateOptions extends ServerOptions {
  scope?: string[];
  expires?: string;
}

export function registerTokens(program: Command, context: CliContext): void {
  const group = program
    .command('token')
    .alias('tokens')
    .summary('make and revoke your API tokens')
    .enablePositionalOptions()
    .addHelpText(
      'after',
      examples('token list', 'token create ci --scope submit --expires 90d', 'token revoke 3'),
    );

  withServer(listCommand(group, 'List your tokens.')).action(
    async (options: ServerOptions, self: Command) => {
      const client = await connectFor(context, self);
      const answer = await client.get<{ items: Token[] }>('/tokens');
      if (options.json) return printJson(context, answer);
      await printTable(
        context,
        answer.items,
        [
          { title: 'TOKEN', cell: ({ id }) => String(id), align: 'right' },
          { title: 'NAME', cell: ({ name }) => cleanText(name), isFlexible: true },
          { title: 'SCOPES', cell: ({ scopes }) => scopes.join(',') },
          { title: 'CREATED', cell: ({ createdAt }) => formatTime(createdAt) },
          {
            title: 'EXPIRES',
            cell: ({ expiresAt }) => (expiresAt === null ? 'never' : formatTime(expiresAt)),
          },
          {
            title: 'USED',
            cell: ({ lastUsedAt }) => (lastUsedAt === null ? 'never' : formatAgo(lastUsedAt)),
          },
        ],
        { empty: 'You have no tokens.' },
      );
    },
  );
  withServer(
    group
      .command('create <name>')
      .description(
        'Make a token and print its secret, this once. Needs --user or DAYBOOK_USER: a token makes no tokens.',
      )
      .option('--scope <scope>', 'read, submit or all; may be repeated (default: all)', collect)
      .option('--expires <time>', 'when it stops working: 90d, 2027-01-01 (default: never)'),
  ).action(async (name: string, options: CreateOptions, self: Command) => {
    const { scope, expires } = options;
    const body = {
      name,
      ...(scope === undefined ? {} : { scopes: scope }),
      ...(expires === undefined
        ? {}
        : { expiresAt: momentOption('--expires', expires, { direction: 'ahead' }).toISOString() }),
    };
    const client = await connectFor(context, self);
    const answer = await client.send<{ token: Token; secret: string }>('POST', '/tokens', { body });
    if (options.json) return printJson(context, answer);
    await say(context, `Token ${answer.token.id}. Keep the secret now, it cannot be shown again:`);
    await print(context, answer.secret);
  });
  withServer(group.command('revoke <id>').description('Revoke one of your tokens, at once.')).action(
    async (id: string, options: ServerOptions, self: Command) => {
      const number = integerOption('The token', id, { min: 1, max: Number.MAX_SAFE_INTEGER });
      const client = await connectFor(context, self);
      await client.send('DELETE', `/tokens/${number}`);
      if (!options.json) await print(context, `Token ${number} is revoked.`);
    },
  );
}
