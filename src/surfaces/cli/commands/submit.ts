import type { Command } from 'commander';
import type { Job } from '../../../contract/job.ts';
import type { Client } from '../client.ts';
import { collect, connectFor, examples, jobPath, withServer, type ServerOptions } from '../command-parts.ts';
import type { CliContext } from '../context.ts';
import { describeError, ExitError } from '../errors.ts';
import { exitCodes } from '../exit-codes.ts';
import { exitCodeOf, followJob, waitForJob, writePiece } from '../following.ts';
import { describeState } from '../job-view.ts';
import { printJson, say } from '../output.ts';
import { withJobOptions } from '../job-options.ts';
import { withRunOptions } from '../run-options.ts';
import { readFileOptions, uploadFiles } from '../upload-files.ts';
import { toSubmitBody, type SubmitChoices } from '../submit-body.ts';

interface SubmitCommandOptions extends SubmitChoices, ServerOptions {
  wait?: boolean;
  follow?: boolean;
  file?: string[];
}

export function registerSubmit(program: Command, context: CliContext): void {
  const command = program
    .command('submit [script] [args...]')
    .summary('submit a job')
    .description(
      'Submits a job. Options of submit stand before the script; everything after the script reaches it exactly as given.',
    )
    .passThroughOptions()
    .option('-w, --wait', "wait for the end; the exit code is the job's")
    .option('-f, --follow', 'wait, and print what the job prints as it comes')
    .option('--after <job>', 'start when this job has ended; may be repeated', collect)
    .option('--after-ok <job>', 'start when this job has succeeded; may be repeated', collect)
    .option('--run-at <time>', 'not before: 2h, "2026-03-01 14:30"')
    .option('--file <path[=name]>', 'a file for the program, in $DAYBOOK_INPUT_DIR; may be repeated', collect)
    .option('--idempotency-key <key>', 'submitting again with the same key answers with the first job');
  withServer(withRunOptions(withJobOptions(command)))
    .addHelpText(
      'after',
      examples(
        'submit report.sh --month 3 "two words"',
        'submit --follow --timeout 10m report.sh',
        'submit --file part.inp --file steel.txt=material.txt solve.sh',
        'submit --wait -q nightly --retries 2 -e LEVEL=9 backup.sh /srv',
        `submit --kind script --input '{"script":"ls.sh"}'`,
      ),
    )
    .action(
      async (script: string | undefined, args: string[], options: SubmitCommandOptions, self: Command) => {
        const body = await toSubmitBody(context, { script, args, ...options });
        const given = await readFileOptions(options.file ?? []);
        const client = await connectFor(context, self);
        if (given.length > 0) body['files'] = await uploadFiles(client, given);
        const job = await client.send<Job>('POST', '/jobs', { body });
        await say(context, `Job ${job.id}`);
        if (options.json) await printJson(context, job);
        if (options.wait || options.follow) await stayWith(context, client, job, options);
      },
    );
}

/** Ends with the exit code of the job. @throws ExitError */
async function stayWith(
  context: CliContext,
  client: Client,
  job: Job,
  options: SubmitCommandOptions,
): Promise<never> {
  const interrupt = new AbortController();
  const stopListening = context.onInterrupt(() => interrupt.abort());
  const { signal } = interrupt;
  const path = jobPath(String(job.id));
  try {
    const ended = options.follow
      ? await follow(context, client, job, signal)
      : await waitForJob(context, client, path, { signal });
    const code = ended && (await exitCodeOf(client, path, ended, signal));
    if (ended && code !== null) {
      if (code !== 0) await say(context, `Job ${job.id} ${describeState(ended)}`);
      throw new ExitError(code);
    }
    if (signal.aborted) {
      await say(context, `\nJob ${job.id} goes on. To cancel it: daybook cancel ${job.id}`);
      throw new ExitError(exitCodes.interrupted.code);
    }
    await say(context, `daybook: Job ${job.id} was removed while it was waited for.`);
    throw new ExitError(exitCodes.unfollowed.code);
  } catch (error) {
    if (error instanceof ExitError) throw error;
    await say(context, `daybook: ${describeError(error).text}`);
    await say(context, `Job ${job.id} was accepted and goes on; this command no longer follows it.`);
    throw new ExitError(exitCodes.unfollowed.code);
  } finally {
    stopListening();
  }
}

function follow(context: CliContext, client: Client, job: Job, signal: AbortSignal): Promise<Job | null> {
  return followJob(context, client, jobPath(String(job.id)), {
    attempt: Math.max(1, job.attempt),
    isPatient: true,
    signal,
    onPiece: (piece) => writePiece(context, piece),
    onNextAttempt: (now) =>
      say(context, `daybook: the try has ended; job ${job.id} is ${describeState(now)}`),
  });
}
