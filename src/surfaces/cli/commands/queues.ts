import type { Command } from 'commander';
import type { Queue } from '../../../contract/fleet.ts';
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
import { painter, print, printJson } from '../output.ts';
import { printTable } from '../table.ts';

interface QueueChange {
  paused?: boolean;
  draining?: boolean;
  note?: string;
  capacity?: number | null;
}

interface NoteOptions extends ServerOptions {
  note?: string;
  limit?: string;
}

export function registerQueues(program: Command, context: CliContext): void {
  const group = program
    .command('queue')
    .alias('queues')
    .summary('list, make, pause, drain and limit queues')
    .enablePositionalOptions()
    .addHelpText(
      'after',
      examples(
        'queue list',
        'queue pause nightly --note "licence server is down"',
        'queue drain nightly',
        'queue limit gpu 4',
      ),
    );
  const change = async (name: string, body: QueueChange, self: Command): Promise<void> => {
    const client = await connectFor(context, self);
    const queue = await client.send<Queue>('PUT', `/queues/${segment(name)}`, { body });
    if (self.opts<ServerOptions>().json) await printJson(context, queue);
    else await print(context, describe(queue));
  };

  withServer(listCommand(group, 'List queues.')).action(async (options: ServerOptions, self: Command) => {
    const client = await connectFor(context, self);
    const answer = await client.get<{ items: Queue[] }>('/queues');
    if (options.json) return printJson(context, answer);
    await printQueues(context, answer.items);
  });
  withServer(
    group
      .command('create <name>')
      .description('Make a queue.')
      .option('--note <text>', 'a remark shown beside it')
      .option('--limit <number>', 'how many of its jobs may run at once'),
  ).action((name: string, options: NoteOptions, self: Command) =>
    change(
      name,
      {
        ...noteOf(options),
        ...(options.limit === undefined ? {} : { capacity: toCapacity('--limit', options.limit) }),
      },
      self,
    ),
  );
  withServer(
    group
      .command('pause <name>')
      .description('Let none of its jobs start; it still takes jobs.')
      .option('--note <text>', 'why, shown beside it'),
  ).action((name: string, options: NoteOptions, self: Command) =>
    change(name, { paused: true, ...noteOf(options) }, self),
  );
  withServer(group.command('resume <name>').description('Let its jobs start again.')).action(
    (name: string, _options: ServerOptions, self: Command) => change(name, { paused: false }, self),
  );
  withServer(
    group
      .command('drain <name>')
      .description('Take no new jobs and run what is there; --undo takes jobs again.')
      .option('--undo', 'take jobs again')
      .option('--note <text>', 'why, shown beside it'),
  ).action((name: string, options: NoteOptions & { undo?: boolean }, self: Command) =>
    change(name, { draining: !options.undo, ...noteOf(options) }, self),
  );
  withServer(
    group
      .command('limit <name> <number>')
      .description('Limit how many of its jobs run at once; "none" lifts it.'),
  ).action((name: string, limit: string, _options: ServerOptions, self: Command) =>
    change(name, { capacity: toCapacity('The limit', limit) }, self),
  );
  withServer(group.command('remove <name>').description('Remove a queue that no job names.')).action(
    async (name: string, _options: ServerOptions, self: Command) => {
      const client = await connectFor(context, self);
      await client.send('DELETE', `/queues/${segment(name)}`);
      if (!self.opts<ServerOptions>().json) await print(context, `Queue ${cleanText(name)} is removed.`);
    },
  );
}

function noteOf({ note }: NoteOptions): { note?: string } {
  return note === undefined ? {} : { note };
}

function toCapacity(name: string, text: string): number | null {
  return text === 'none' ? null : integerOption(name, text, { min: 0, max: 1_000_000 });
}

function describe(queue: Queue): string {
  const limit = queue.capacity === null ? 'no limit' : `at most ${queue.capacity} at once`;
  return `Queue ${queue.name}: ${stateOf(queue)}, ${limit}${queue.draining ? `, ${leftOf(queue)}` : ''}`;
}

function stateOf({ paused, draining }: Queue): string {
  return [...(paused ? ['paused'] : []), ...(draining ? ['draining'] : [])].join(', ') || 'open';
}

function leftOf({ waiting, queued, scheduled, running, drainTotal }: Queue): string {
  return `${waiting + queued + scheduled + running} of ${drainTotal ?? 0} jobs left to run`;
}

async function printQueues(context: CliContext, queues: readonly Queue[]): Promise<void> {
  const paint = painter(context.stdout, context.env);
  await printTable(
    context,
    queues,
    [
      { title: 'QUEUE', cell: ({ name }) => name },
      {
        title: 'STATE',
        cell: (queue) => (queue.paused || queue.draining ? paint('yellow', stateOf(queue)) : 'open'),
      },
      {
        title: 'LIMIT',
        cell: ({ capacity }) => (capacity === null ? '-' : String(capacity)),
        align: 'right',
      },
      { title: 'RUNNING', cell: ({ running }) => String(running), align: 'right' },
      { title: 'QUEUED', cell: ({ queued }) => String(queued), align: 'right' },
      { title: 'WAITING', cell: ({ waiting }) => String(waiting), align: 'right' },
      { title: 'SCHEDULED', cell: ({ scheduled }) => String(scheduled), align: 'right' },
      { title: 'NOTE', cell: ({ note }) => cleanText(note ?? ''), isFlexible: true },
    ],
    { empty: 'There are no queues.' },
  );
}
