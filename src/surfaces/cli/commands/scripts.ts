import type { Command } from 'commander';
import { basename } from 'node:path';
import type { Script, ScriptVersion as Version } from '../../../contract/script.ts';
import { cleanText } from '../clean-text.ts';
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
import { formatBytes } from '../../../lib/size.ts';
import { print, printJson, say, write } from '../output.ts';
import { readText } from '../text-input.ts';
import { printTable } from '../table.ts';
import { formatTime } from '../time.ts';

export function registerScripts(program: Command, context: CliContext): void {
  const group = program
    .command('script')
    .alias('scripts')
    .summary('list, show and write scripts')
    .enablePositionalOptions()
    .addHelpText(
      'after',
      examples('script list', 'script show report.sh', 'script put ./report.sh', 'script versions report.sh'),
    );

  withServer(listCommand(group, 'List the scripts directory.')).action(
    async (options: ServerOptions, self: Command) => {
      const client = await connectFor(context, self);
      const answer = await client.get<{ items: Script[] }>('/scripts');
      if (options.json) return printJson(context, answer);
      await printTable(
        context,
        answer.items,
        [
          { title: 'SCRIPT', cell: ({ name }) => cleanText(name) },
          { title: 'SIZE', cell: ({ sizeBytes }) => formatBytes(sizeBytes), align: 'right' },
          { title: 'CHANGED', cell: ({ modifiedAt }) => formatTime(modifiedAt) },
          { title: 'RUNS', cell: ({ isExecutable }) => (isExecutable ? 'yes' : 'no: not executable') },
        ],
        { empty: 'There are no scripts.' },
      );
    },
  );
  withServer(group.command('show <name>').description('Print the text of a script.')).action(
    async (name: string, options: ServerOptions, self: Command) => {
      const client = await connectFor(context, self);
      const script = await client.get<Script & { text: string }>(`/scripts/${segment(name)}`);
      if (options.json) return printJson(context, script);
      await write(context.stdout, script.text);
    },
  );
  withServer(
    group
      .command('put <file>')
      .description('Write a script; the versions before stay in its history. - reads standard input.')
      .option('--name <name>', 'its name there; by default that of the file'),
  ).action(async (file: string, options: ServerOptions & { name?: string }, self: Command) => {
    const name = options.name ?? basename(file);
    if (file === '-' && options.name === undefined)
      throw new UsageError('--name says what the script is called.');
    const text = await readText(context, 'The script', file);
    const client = await connectFor(context, self);
    const script = await client.send<Script>('PUT', `/scripts/${segment(name)}`, { body: { text } });
    if (options.json) return printJson(context, script);
    await print(context, `Script ${cleanText(script.name)} is written (${formatBytes(script.sizeBytes)}).`);
    if (/^#!.*\r\n/.test(text))
      await say(
        context,
        'Its first line ends as on Windows (CRLF): it will hardly start. Save it with LF alone, for example by sed -i "s/\\r$//".',
      );
  });
  withServer(group.command('remove <name>').description('Remove a script; its history stays.')).action(
    async (name: string, options: ServerOptions, self: Command) => {
      const client = await connectFor(context, self);
      await client.send('DELETE', `/scripts/${segment(name)}`);
      if (!options.json) await print(context, `Script ${cleanText(name)} is removed.`);
    },
  );
  withServer(
    group.command('versions <name>').description('List what a script was, and who changed it.'),
  ).action(async (name: string, options: ServerOptions, self: Command) => {
    const client = await connectFor(context, self);
    const answer = await client.get<{ items: Version[] }>(`/scripts/${segment(name)}/versions`);
    if (options.json) return printJson(context, answer);
    await printTable(
      context,
      answer.items,
      [
        { title: 'VERSION', cell: ({ id }) => String(id), align: 'right' },
        { title: 'WHEN', cell: ({ at }) => formatTime(at) },
        { title: 'WHO', cell: ({ actor }) => cleanText(actor) },
        { title: 'WHAT', cell: ({ action }) => (action === 'put' ? 'written' : 'removed') },
        {
          title: 'SIZE',
          cell: ({ text }) => (text === null ? '' : formatBytes(Buffer.byteLength(text))),
          align: 'right',
        },
        { title: 'SHA-256', cell: ({ sha256 }) => sha256?.slice(0, 12) ?? '' },
      ],
      { empty: 'No version of it is known.' },
    );
  });
}
