import type { Command } from 'commander';
import type { Worker } from '../../../contract/fleet.ts';
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
import { ServerError } from '../errors.ts';
import { painter, print, printJson } from '../output.ts';
import { printTable, type Column } from '../table.ts';
import { formatAgo, formatTime } from '../time.ts';

export function registerWorkers(program: Command, context: CliContext): void {
  const group = program
    .command('workers')
    .summary('list and drain workers')
    .enablePositionalOptions()
    .addHelpText('after', examples('workers', 'workers drain ares.lab', 'workers resume ares.lab'));

  withServer(listCommand(group, 'List workers.')).action(async (options: ServerOptions, self: Command) => {
    const client = await connectFor(context, self);
    const answer = await client.get<{ items: Worker[] }>('/workers');
    if (options.json) return printJson(context, answer);
    await printTable(context, answer.items, columns(context), { empty: 'There are no workers.' });
  });
  const setDraining = (name: string, description: string, draining: boolean): void => {
    withServer(group.command(`${name} <worker>`).description(description)).action(
      async (worker: string, options: ServerOptions, self: Command) => {
        const client = await connectFor(context, self);
        const id = await findWorker(client, worker);
        const changed = await client.send<Worker>('PATCH', `/workers/${segment(id)}`, { body: { draining } });
        if (options.json) return printJson(context, changed);
        await print(
          context,
          `Worker ${cleanText(changed.name)} ${draining ? 'takes no new work' : 'takes work again'}; ${changed.running} running.`,
        );
      },
    );
  };
  setDraining('drain', 'Give it no new work, by name or id; what runs there goes on.', true);
  setDraining('resume', 'Give it work again, by name or id.', false);
}

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** People say names; the API wants the id. A name that a stopped worker had before is that of the one that runs now. */
async function findWorker(client: Client, nameOrId: string): Promise<string> {
  if (uuid.test(nameOrId)) return nameOrId;
  const { items } = await client.get<{ items: Worker[] }>('/workers');
  const named = items.filter((worker) => worker.name === nameOrId);
  const running = named.filter((worker) => worker.state !== 'stopped');
  const [found, other] = running.length > 0 ? running : named;
  if (!found) throw new ServerError(`There is no worker ${nameOrId}.`, { status: 404 });
  if (other) {
    throw new ServerError(
      `Several workers are called ${nameOrId}; say which by its id: ${(running.length > 0 ? running : named).map(({ id }) => id).join(', ')}`,
      { status: 409 },
    );
  }
  return found.id;
}

function columns(context: CliContext): Column<Worker>[] {
  const paint = painter(context.stdout, context.env);
  const time = (at: string): string => (context.stdout.isTTY ? formatAgo(at) : formatTime(at));
  return [
    { title: 'WORKER', cell: ({ name }) => cleanText(name) },
    {
      title: 'STATE',
      cell: (worker) => paint(worker.state === 'active' ? 'green' : 'yellow', stateOf(worker)),
    },
    { title: 'RUNNING', cell: ({ running, slots }) => `${running}/${slots}`, align: 'right' },
    { title: 'QUEUES', cell: ({ queues }) => queues.join(',') },
    { title: 'LABELS', cell: ({ labels }) => labels.join(',') || '-' },
    { title: 'HOST', cell: ({ host }) => cleanText(host) },
    { title: 'SEEN', cell: ({ seenAt }) => time(seenAt) },
    { title: 'ID', cell: ({ id }) => id },
    { title: 'PROBLEM', cell: ({ problem }) => cleanText(problem ?? ''), isFlexible: true },
  ];
}

function stateOf({ state, draining }: Worker): string {
  return draining && state === 'active' ? 'draining' : state;
}
