import type { Command } from 'commander';
import type { Waiting } from '../../../contract/waiting.ts';
import { cleanText } from '../clean-text.ts';
import { connectFor, examples, jobPath, withServer, type ServerOptions } from '../command-parts.ts';
import type { CliContext } from '../context.ts';
import { print, printJson } from '../output.ts';
import { formatAgo, formatTime } from '../time.ts';

export function registerWhy(program: Command, context: CliContext): void {
  withServer(
    program
      .command('why <job>')
      .summary('why a job does not run yet')
      .description('Says what a waiting job waits for, and until when as far as past runs tell.'),
  )
    .addHelpText('after', examples('why 4711', 'why 4711 --json'))
    .action(async (job: string, options: ServerOptions, self: Command) => {
      const client = await connectFor(context, self);
      const waiting = await client.get<Waiting>(`${jobPath(job)}/waiting`);
      if (options.json) return printJson(context, waiting);
      for (const line of describeWaiting(waiting)) await print(context, line);
    });
}

function describeWaiting({ jobId, state, reasons, startsAt }: Waiting): string[] {
  const waits = state === 'waiting' || state === 'scheduled' || state === 'queued';
  if (!waits) return [`Job ${jobId} does not wait; it is ${state}.`];
  const lines = reasons.map(({ text, until }) => {
    const end = until === null ? '' : ` (until about ${formatTime(until)})`;
    return `- ${cleanText(text)}${end}`;
  });
  const start =
    startsAt === null
      ? 'When it starts cannot be told.'
      : `It should start ${reasons.length === 0 ? 'at any moment' : `about ${formatTime(startsAt)} (${formatAgo(startsAt)})`}.`;
  return [`Job ${jobId} is ${state}.`, ...lines, start];
}
