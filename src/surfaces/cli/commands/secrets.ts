import type { Command } from 'commander';
import type { Secret } from '../../../contract/secret.ts';
import { cleanText } from '../clean-text.ts';
import {
  collect,
  connectFor,
  examples,
  listCommand,
  segment,
  withServer,
  type ServerOptions,
} from '../command-parts.ts';
import type { CliContext } from '../context.ts';
import { UsageError } from '../errors.ts';
import { print, printJson } from '../output.ts';
import { askPassword } from '../password.ts';
import { printTable } from '../table.ts';
import { readText } from '../text-input.ts';
import { formatTime } from '../time.ts';

interface SetOptions extends ServerOptions {
  note?: string;
  allow?: string[];
}

export function registerSecrets(program: Command, context: CliContext): void {
  const group = program
    .command('secret')
    .alias('secrets')
    .summary('named secrets for jobs')
    .enablePositionalOptions()
    .addHelpText(
      'after',
      examples('secret set api-key < key.txt', 'secret list', 'submit --secret KEY=api-key call.sh'),
    );
  withServer(listCommand(group, 'List secrets, without their values.')).action(
    async (options: ServerOptions, self: Command) => {
      const client = await connectFor(context, self);
      const answer = await client.get<{ items: Secret[] }>('/secrets');
      if (options.json) return printJson(context, answer);
      await printSecrets(context, answer.items);
    },
  );
  withServer(
    group
      .command('set <name>')
      .description(
        'Set a secret. Its value is asked for, or all of standard input but a line end at its end.',
      )
      .option('--note <text>', 'what it is for')
      .option(
        '--allow <user>',
        'who may use it, by default everybody who may submit; may be repeated',
        collect,
      ),
  ).action(async (name: string, options: SetOptions, self: Command) => {
    const client = await connectFor(context, self);
    const { note, allow: users } = options;
    const body = { value: await readValue(context, name), note, users };
    const stored = await client.send<Secret>('PUT', `/secrets/${segment(name)}`, { body });
    if (options.json) await printJson(context, stored);
    else await print(context, `Secret ${stored.name} is set.`);
  });
  withServer(group.command('rm <name>').alias('remove').description('Remove a secret.')).action(
    async (name: string, options: ServerOptions, self: Command) => {
      const client = await connectFor(context, self);
      await client.send('DELETE', `/secrets/${segment(name)}`);
      if (!options.json) await print(context, `Secret ${cleanText(name)} is removed.`);
    },
  );
}

/** Never an argument, which everybody on the machine can see. */
async function readValue(context: CliContext, name: string): Promise<string> {
  const value = context.stdin.isTTY
    ? await askPassword(context, `Value of ${name}: `)
    : (await readText(context, 'value', '-')).replace(/\r?\n$/, '');
  if (value === '') throw new UsageError('No value came; nothing was changed.');
  return value;
}

async function printSecrets(context: CliContext, secrets: readonly Secret[]): Promise<void> {
  await printTable(
    context,
    secrets,
    [
      { title: 'SECRET', cell: ({ name }) => name },
      { title: 'FOR', cell: ({ users }) => users?.map(cleanText).join(', ') ?? 'everybody' },
      { title: 'CHANGED', cell: ({ changedAt }) => formatTime(changedAt) },
      { title: 'STATE', cell: ({ isReadable }) => (isReadable ? 'fine' : 'sealed with another key') },
      { title: 'NOTE', cell: ({ note }) => cleanText(note ?? ''), isFlexible: true },
    ],
    { empty: 'There are no secrets.' },
  );
}
