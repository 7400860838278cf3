import type { Command } from 'commander';
import type { Job } from '../../../contract/job.ts';
import { connectFor, examples, jobPath, withServer, type ServerOptions } from '../command-parts.ts';
import { toCancelWish, withCancelWish, type CancelOptions } from '../cancel-options.ts';
import type { CliContext } from '../context.ts';
import { describeError, ExitError, ServerError } from '../errors.ts';
import { describeState } from '../job-view.ts';
import { print, printJson, say } from '../output.ts';

export function registerCancel(program: Command, context: CliContext): void {
  const command = program
    .command('cancel <id...>')
    .summary('cancel jobs')
    .description('Cancels jobs. One that runs is asked to end, and killed after a grace.')
    .addHelpText('after', examples('cancel 17 18 19', 'cancel 17 --reason "wrong mesh" --grace 2m'));
  actOnJobs(context, withCancelWish(command), 'cancel');
}

export function registerRetry(program: Command, context: CliContext): void {
  const command = program
    .command('retry <id...>')
    .summary('run failed or cancelled jobs once more')
    .description('Runs failed or cancelled jobs once more, under the same number.')
    .addHelpText('after', examples('retry 17'));
  actOnJobs(context, command, 'retry');
}

/** One that is refused does not keep the others from it; the exit code is that of the first refusal. */
function actOnJobs(context: CliContext, command: Command, action: 'cancel' | 'retry'): void {
  withServer(command).action(async (ids: string[], options: ServerOptions & CancelOptions, self: Command) => {
    const body = action === 'cancel' ? { body: toCancelWish(options) } : {};
    const paths = ids.map(jobPath);
    const client = await connectFor(context, self);
    let code: number | undefined;
    for (const path of paths) {
      try {
        const job = await client.send<Job>('POST', `${path}/${action}`, body);
        if (options.json) await printJson(context, job);
        else await print(context, `Job ${job.id} is ${describeState(job)}`);
      } catch (error) {
        if (!(error instanceof ServerError) || error.status === 401) throw error;
        const { text, exitCode } = describeError(error);
        await say(context, `daybook: ${text}`);
        code ??= exitCode;
      }
    }
    if (code !== undefined) throw new ExitError(code);
  });
}
