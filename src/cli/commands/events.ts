import type { Command } from 'commander';
import type { JobEvent } from '../../contract/job.ts';
import type { JobState } from '../../contract/states.ts';
import { cleanText } from '../clean-text.ts';
import { connectFor, examples, withServer, type ServerOptions } from '../command-parts.ts';
import type { CliContext } from '../context.ts';
import { connectionReporter } from '../following.ts';
import { paintState } from '../job-view.ts';
import { painter, print } from '../output.ts';
import { formatTime } from '../time.ts';

export function registerEvents(program: Command, context: CliContext): void {
  withServer(
    program
      .command('events')
      .summary('follow what happens to jobs')
      .description('Prints what happens to jobs, as it happens, until Ctrl-C.'),
  )
    .addHelpText('after', examples('events', 'events --json | jq .jobId'))
    .action(async (options: ServerOptions, self: Command) => {
      const client = await connectFor(context, self);
      const paint = painter(context.stdout, context.env);
      const events = client.events('/events', { onConnection: connectionReporter(context, client) });
      for await (const { event, data } of events) {
        if (event !== 'job') continue;
        if (options.json) await print(context, data);
        else {
          const { at, jobId, name, actor, state } = JSON.parse(data) as JobEvent & { state: JobState };
          const words = [formatTime(at), `job ${jobId}`, cleanText(name), `by ${cleanText(actor)}`];
          await print(context, `${words.join('  ')}  ${paintState(state, paint)}`);
        }
      }
    });
}
