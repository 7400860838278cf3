import type { Command } from 'commander';
import type { Client } from './client.ts';
import { connect, withConnection, type ConnectionOptions } from './connection.ts';
import type { CliContext } from './context.ts';
import { UsageError } from './errors.ts';

/** What every command that talks to a server has. */
export interface ServerOptions extends ConnectionOptions {
  json?: boolean;
}

/** Adds `--json` and the options of the connection, in a group of their own at the end of the help. */
export function withServer(command: Command): Command {
  command.option('--json', 'print the JSON of the API');
  command.optionsGroup('Server:');
  return withConnection(command);
}

/** The client for a command, whether the options stood before or behind its name. */
export function connectFor(context: CliContext, command: Command): Promise<Client> {
  return connect(context, command.optsWithGlobals());
}

/** Help text: each line a command and what it does. */
export function examples(...lines: readonly string[]): string {
  return `\nExamples:\n${lines.map((line) => `  $ daybook ${line}`).join('\n')}`;
}

/** The command of a group that runs when none is named. */
export function listCommand(group: Command, description: string): Command {
  return group
    .command('list', { isDefault: true })
    .description(description)
    .allowExcessArguments()
    .hook('preAction', (_hooked, { args }) => {
      // Commander gives an unknown command to the default one, as its argument.
      if (args.length === 0) return;
      const known = group.commands.map((command) => command.name()).join(', ');
      throw new UsageError(`There is no "${group.name()} ${args[0]}"; expected one of ${known}.`);
    });
}

/** For options that may be given many times. */
export function collect(value: string, before: readonly string[] = []): string[] {
  return [...before, value];
}

/** An option's value as a whole number. @throws UsageError */
export function integerOption(name: string, text: string, range: { min: number; max: number }): number {
  const value = /^-?\d+$/.test(text) ? Number(text) : Number.NaN;
  if (value >= range.min && value <= range.max) return value;
  throw new UsageError(`${name} is "${text}"; expected a whole number from ${range.min} to ${range.max}.`);
}

/** A part of a path. @throws UsageError for what would lead to the folder above */
export function segment(text: string): string {
  // WHATWG URLs take `%2E%2E` for `..`, too: no way of writing it stays a name.
  if (text === '' || text === '.' || text === '..') throw new UsageError(`"${text}" is no name.`);
  return encodeURIComponent(text);
}

/** The path of a job. @throws UsageError when it is neither a number nor a uid */
export function jobPath(id: string): string {
  const bare = id.replace(/^#/, '');
  if (!/^\d{1,15}$/.test(bare) && !/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(bare)) {
    throw new UsageError(`"${id}" is no job; expected its number, or its uid.`);
  }
  return `/jobs/${bare}`;
}
