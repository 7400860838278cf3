import type { Command } from 'commander';
import type { JobEvent } from '../../../contract/job.ts';
import type { JobState } from '../../../contract/states.ts';
import { cleanText } from '../clean-text.ts';
import type { Client } from '../client.ts';
import { connectFor, examples, jobPath, withServer, type ServerOptions } from '../command-parts.ts';
import type { CliContext } from '../context.ts';
import { connectionReporter } from '../following.ts';
import { paintState } from '../job-view.ts';
import { painter, print, printJson } from '../output.ts';
import { formatTime } from '../time.ts';

export function registerEvents(program: Command, context: CliContext): void {
  withServer(
    program
      .command('events [job]')
      .summary('what happened to a job, or happens to all')
      .description(
        'Prints the history of a job: what happened, when, by whom, and what stood there before. Without a job, prints what happens to all jobs, as it happens, until Ctrl-C.',
      ),
  )
    .addHelpText('after', examples('events 17', 'events', 'events --json | jq .jobId'))
    .action(async (job: string | undefined, options: ServerOptions, self: Command) => {
      const path = job === undefined ? undefined : `${jobPath(job)}/events`;
      const client = await connectFor(context, self);
      if (path === undefined) return follow(context, client, options);
      const events = await readAll(client, path);
      if (options.json) return printJson(context, { items: events });
      for (const event of events) await print(context, describeEvent(event));
    });
}

async function follow(context: CliContext, client: Client, { json }: ServerOptions): Promise<void> {
  const paint = painter(context.stdout, context.env);
  const events = client.events('/events', { onConnection: connectionReporter(context, client) });
  for await (const { event, data } of events) {
    if (event !== 'job') continue;
    if (json) await print(context, data);
    else {
      const { at, jobId, name, actor, state } = JSON.parse(data) as JobEvent & { state: JobState };
      const words = [formatTime(at), `job ${jobId}`, cleanText(name), `by ${cleanText(actor)}`];
      await print(context, `${words.join('  ')}  ${paintState(state, paint)}`);
    }
  }
}

const pageSize = 500;

async function readAll(client: Client, path: string): Promise<JobEvent[]> {
  const events: JobEvent[] = [];
  for (;;) {
    const query = { after: events.at(-1)?.id, limit: pageSize };
    const { items } = await client.get<{ items: JobEvent[] }>(path, { query });
    events.push(...items);
    if (items.length < pageSize) return events;
  }
}

function describeEvent({ at, actor, name, data }: JobEvent): string {
  const heading = `${formatTime(at)}  ${cleanText(name)}  by ${cleanText(actor)}`;
  const facts = (data ?? {}) as Record<string, unknown>;
  if (name !== 'changed') return [heading, ...describeFacts(facts)].join('  ');
  const { before = {}, after = {} } = facts as Record<string, Record<string, unknown>>;
  const changes = Object.keys(after).map(
    (field) => `  ${field}: ${show(before[field])} → ${show(after[field])}`,
  );
  return [heading, ...changes].join('\n');
}

function describeFacts(facts: Record<string, unknown>): string[] {
  const known = Object.entries(facts).filter(([, value]) => value !== null);
  return known.length === 0 ? [] : [known.map(([key, value]) => `${key}: ${show(value)}`).join(', ')];
}

function show(value: unknown): string {
  return cleanText(typeof value === 'string' ? value : (JSON.stringify(value) ?? 'none')).replace(
    /^null$/,
    'none',
  );
}
