import type { Command } from 'commander';
import type { RemovedUser, User } from '../../../contract/accounts.ts';
import type { Permission } from '../../../contract/permissions.ts';
import { cleanText } from '../clean-text.ts';
import type { Client } from '../client.ts';
import {
  connectFor,
  examples,
  segment,
  listCommand,
  withServer,
  type ServerOptions,
} from '../command-parts.ts';
import type { CliContext } from '../context.ts';
import { UsageError } from '../errors.ts';
import { print, printJson } from '../output.ts';
import { askPassword, readNewPassword } from '../password.ts';
import { printTable } from '../table.ts';
import { formatTime } from '../time.ts';
import { setPasswordLocally } from './user-password-local.ts';

interface UserOptions extends ServerOptions {
  role?: string;
  displayName?: string;
  disable?: boolean;
  enable?: boolean;
}

interface Me {
  user: User;
  permissions: Permission[];
}

export function registerUsers(program: Command, context: CliContext): void {
  const group = program
    .command('user')
    .alias('users')
    .summary('list, add and change users')
    .enablePositionalOptions()
    .addHelpText(
      'after',
      examples(
        'user list',
        'user add ana --role operator',
        'user set ana --disable',
        'user password admin --local',
      ),
    );
  const report = async (user: User, what: string, options: ServerOptions): Promise<void> => {
    if (options.json) await printJson(context, user);
    else await print(context, `User ${user.name} (${user.role}) ${what}.`);
  };

  withServer(listCommand(group, 'List users.')).action(async (options: ServerOptions, self: Command) => {
    const client = await connectFor(context, self);
    const answer = await client.get<{ items: User[] }>('/users');
    if (options.json) return printJson(context, answer);
    await printUsers(context, answer.items);
  });
  withServer(
    group
      .command('add <name>')
      .description('Add a user. The password is asked for, or read from standard input.')
      .option('--role <role>', 'viewer, member, operator or admin (default: member)')
      .option('--display-name <text>', 'the name shown to others'),
  ).action(async (name: string, options: UserOptions, self: Command) => {
    const client = await connectFor(context, self);
    const password = await readNewPassword(context, name);
    const body = { name, password, ...changesOf(options) };
    await report(await client.send<User>('POST', '/users', { body }), 'is added', options);
  });
  withServer(
    group
      .command('set <name>')
      .description('Change a user.')
      .option('--role <role>', 'viewer, member, operator or admin')
      .option('--display-name <text>', 'the name shown to others')
      .option('--disable', 'end all sessions and keep the user out')
      .option('--enable', 'let the user in again'),
  ).action(async (name: string, options: UserOptions, self: Command) => {
    const body = changesOf(options);
    if (Object.keys(body).length === 0) throw new UsageError('Nothing to change; see daybook help user.');
    const client = await connectFor(context, self);
    await report(
      await client.send<User>('PATCH', `/users/${segment(name)}`, { body }),
      'is changed',
      options,
    );
  });
  withServer(
    group
      .command('remove <name>')
      .description(
        'Remove a user with all tokens. Their jobs stay in the diary, their schedules and rules stop.',
      ),
  ).action(async (name: string, options: ServerOptions, self: Command) => {
    const client = await connectFor(context, self);
    const removed = await client.send<RemovedUser>('DELETE', `/users/${segment(name)}`);
    if (options.json) return printJson(context, removed);
    const lines = [`User ${cleanText(name)} is removed.`, ...describeRemoved(removed)];
    await print(context, lines.join('\n'));
  });
  withServer(
    group
      .command('password <name>')
      .description('Set a password; it is asked for, or read from standard input.')
      .option('--local', 'directly in the database of the data directory, when nobody can sign in any more'),
  ).action(async (name: string, options: ServerOptions & { local?: boolean }, self: Command) => {
    if (options.local) return setPasswordLocally(context, name);
    await setPassword(context, await connectFor(context, self), name);
    if (!options.json) await print(context, `The password of ${cleanText(name)} is changed.`);
  });
}

/** @throws UsageError */
function changesOf({ role, displayName, disable, enable }: UserOptions): Record<string, unknown> {
  if (disable && enable) throw new UsageError('Either --disable or --enable, not both.');
  return {
    ...(role === undefined ? {} : { role }),
    ...(displayName === undefined ? {} : { displayName }),
    ...(disable || enable ? { disabled: disable === true } : {}),
  };
}

/** What they leave, a line for each sort of thing there is. */
function describeRemoved(removed: RemovedUser): string[] {
  const lines: [count: number, what: string, fate: string][] = [
    [removed.liveJobs, 'jobs that have not ended', 'they go on; daybook cancel ends them'],
    [removed.schedules, 'schedules', 'stopped until somebody takes over: daybook schedule take-over'],
    [
      removed.notificationRules,
      'notification rules',
      'stopped until somebody takes over: daybook notify take-over',
    ],
    [removed.sharedViews, 'shared views', 'they stay for everybody'],
    [removed.privateViews, 'private views', 'removed'],
    [removed.secrets, 'rights to use secrets', 'removed'],
  ];
  return lines.flatMap(([count, what, fate]) => (count === 0 ? [] : `  ${what}: ${count}, ${fate}`));
}

/** An admin sets anybody's; everybody else their own, which takes the current one. */
async function setPassword(context: CliContext, client: Client, name: string): Promise<void> {
  const me = await client.get<Me>('/me');
  const isOwn = me.user.name.toLowerCase() === name.toLowerCase();
  if (!isOwn || me.permissions.includes('users.change')) {
    const password = await readNewPassword(context, name);
    await client.send('PATCH', `/users/${segment(name)}`, { body: { password } });
    return;
  }
  const currentPassword =
    context.env['DAYBOOK_PASSWORD'] ?? (await askPassword(context, `Current password of ${name}: `));
  const newPassword = await readNewPassword(context, name);
  await client.send('PATCH', '/me/password', { body: { currentPassword, newPassword } });
}

async function printUsers(context: CliContext, users: readonly User[]): Promise<void> {
  await printTable(
    context,
    users,
    [
      { title: 'USER', cell: ({ name }) => name },
      { title: 'ROLE', cell: ({ role }) => role },
      { title: 'NAME', cell: ({ displayName }) => cleanText(displayName), isFlexible: true },
      { title: 'SINCE', cell: ({ createdAt }) => formatTime(createdAt) },
      {
        title: 'STATE',
        cell: ({ disabledAt }) => (disabledAt === null ? 'active' : `disabled ${formatTime(disabledAt)}`),
      },
    ],
    { empty: 'There are no users.' },
  );
}
