import { spawn, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { constants, hostname, userInfo } from 'node:os';
import type { Command } from 'commander';
import type { BegunExternal } from '../../../contract/external.ts';
import { isPassing, type Client } from '../client.ts';
import { collect, connectFor, examples, withServer, type ServerOptions } from '../command-parts.ts';
import type { CliContext, Output } from '../context.ts';
import { describeError, ExitError, UsageError } from '../errors.ts';
import { print, say, write } from '../output.ts';
import { RunDelivery } from '../run-delivery.ts';
import { LiveDelivery } from '../run-live.ts';
import { RunSpool, type RunBeginning } from '../run-spool.ts';
import type { Stream } from '../../../contract/stream.ts';

interface RunOptions extends ServerOptions {
  name?: string;
  project?: string;
  tag?: string[];
  offline: string;
  deliver?: boolean;
}

/** How long a server may take to answer before the command starts without it. */
const beginWithinMs = 5_000;

export function registerRun(program: Command, context: CliContext): void {
  const command = program
    .command('run [command...]')
    .summary('run a command here and record it there')
    .description(
      'Runs a command on this machine, in this directory, as you, and records it in the diary: what was run, what it printed, how it ended. Ends with the exit code of the command. What it prints is shown as it comes; the command sees a pipe instead of a terminal. While the server cannot be reached everything is kept here and delivered later.',
    )
    .option('--name <text>', 'what lists show instead of the command')
    .option('--project <name>')
    .option('--tag <tag>', 'a tag; may be given many times', collect)
    .option('--offline <rule>', 'without a server at the start: run (and deliver later) or refuse', 'run')
    .option('--deliver', 'run nothing; deliver what earlier runs on this machine left')
    .passThroughOptions();
  withServer(command)
    .addHelpText(
      'after',
      examples('run -- make all', 'run --project 3001234 -- ./solve deck.inp', 'run --deliver'),
    )
    .action(async (words: string[], options: RunOptions, self: Command) => {
      const client = await connectFor(context, self);
      if (options.deliver) return deliver(context, client);
      if (words.length === 0) throw new UsageError('Say what to run: daybook run -- make all');
      if (options.offline !== 'run' && options.offline !== 'refuse') {
        throw new UsageError(`--offline is "${options.offline}"; expected run or refuse.`);
      }
      throw new ExitError(await run(context, client, words, options));
    });
}

async function run(
  context: CliContext,
  client: Client,
  argv: readonly string[],
  options: RunOptions,
): Promise<number> {
  const spool = RunSpool.create(context, client.url, toBeginning(argv, options));
  const delivery = new RunDelivery(client, spool);
  try {
    await delivery.begin(AbortSignal.timeout(beginWithinMs));
    await say(context, `Job ${delivery.begun?.jobId}`);
  } catch (error) {
    if (!isPassing(error) || options.offline === 'refuse') {
      spool.remove();
      throw error;
    }
    await say(
      context,
      `daybook: ${describeError(error).text} Running without it; what happens is kept in ${spool.folder}.`,
    );
  }
  context.outlivesReader = true;
  const env = toEnvironment(context, delivery.begun);
  const child = spawn(argv[0] ?? '', argv.slice(1), { stdio: ['inherit', 'pipe', 'pipe'], env });
  const live = new LiveDelivery(delivery, spool, {
    onCancel: () => child.kill('SIGTERM'),
    onTrouble: (text) => void say(context, `daybook: ${text}`),
  });
  live.start();
  const stopForwarding = forwardSignals(context, child);
  const ended = await untilEnded(context, child, spool);
  stopForwarding();
  const { exitCode, signal, message } = ended;
  spool.setEnd({
    exitCode,
    signal,
    message,
    endedAt: new Date().toISOString(),
    wasCancelled: live.wasCancelled,
  });
  if (!(await live.complete())) {
    await say(
      context,
      `daybook: Not everything is delivered; it is kept in ${spool.folder}. Later: daybook run --deliver`,
    );
    spool.close();
  }
  return exitCode ?? 128 + (signal === null ? 0 : constants.signals[signal]);
}

/** As programs of a worker see it. One that was begun without a server has no number, also within another job. */
function toEnvironment({ env }: CliContext, begun: BegunExternal | undefined): NodeJS.ProcessEnv {
  const { DAYBOOK_JOB_ID: _outerJob, DAYBOOK_ATTEMPT: _outerAttempt, ...own } = env;
  return begun
    ? { ...own, DAYBOOK_JOB_ID: String(begun.jobId), DAYBOOK_ATTEMPT: String(begun.attempt) }
    : own;
}

function toBeginning(argv: readonly string[], { name, project, tag = [] }: RunOptions): RunBeginning {
  const user = userInfo().username;
  const host = hostname();
  return {
    key: randomUUID(),
    kind: 'command',
    input: { argv, directory: process.cwd(), host, user },
    holder: `${user}@${host} (process ${process.pid})`,
    startedAt: new Date().toISOString(),
    ...(name === undefined ? {} : { name }),
    ...(project === undefined ? {} : { project }),
    tags: tag,
  };
}

interface Ended {
  exitCode: number | null;
  signal: NodeJS.Signals | null;
  message: string | null;
}

async function untilEnded(context: CliContext, child: ChildProcess, spool: RunSpool): Promise<Ended> {
  const ended = new Promise<Ended>((resolve) => {
    child.once('error', (error) => {
      const isMissing = 'code' in error && error.code === 'ENOENT';
      const reason = isMissing ? 'there is no such program' : error.message;
      resolve({ exitCode: isMissing ? 127 : 126, signal: null, message: `${child.spawnfile}: ${reason}` });
    });
    child.once('exit', (exitCode, signal) => resolve({ exitCode, signal, message: null }));
  });
  const copies = [copy('stdout', context.stdout), copy('stderr', context.stderr)];
  const result = await ended;
  if (result.message !== null) {
    spool.append('stderr', Buffer.from(`${result.message}\n`));
    await say(context, result.message);
    return result;
  }
  await Promise.all(copies);
  return result;

  /** Whoever read it may go, as `head` does; the command runs on, and is recorded whole. */
  async function copy(stream: Stream, target: Output): Promise<void> {
    let isRead = true;
    for await (const piece of child[stream] ?? []) {
      spool.append(stream, piece as Buffer);
      if (isRead)
        await write(target, piece as Buffer).catch(() => {
          isRead = false;
        });
      isRead &&= !target.destroyed;
    }
  }
}

/** At a terminal Ctrl-C reaches the command without us. */
function forwardSignals(context: CliContext, child: ChildProcess): () => void {
  const isAtTerminal = Boolean(context.stdin.isTTY || context.stderr.isTTY);
  return context.onSignals(['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'], (signal) => {
    if (signal === 'SIGTERM' || signal === 'SIGHUP' || !isAtTerminal) child.kill(signal);
  });
}

/** Brings what earlier runs left; one that was killed itself ends as lost. */
async function deliver(context: CliContext, client: Client): Promise<void> {
  const left = RunSpool.leftBehind(context);
  const spools = left.filter(({ record }) => record.url === client.url);
  for (const spool of spools) {
    if (!spool.record.end) {
      const message = 'daybook run was ended before the command; how that ended is not known.';
      spool.setEnd({
        exitCode: null,
        signal: null,
        message,
        endedAt: new Date().toISOString(),
        wasCancelled: false,
      });
    }
    const delivery = new RunDelivery(client, spool);
    await delivery.begin();
    await delivery.push();
    const { state, reason } = await delivery.finish();
    await print(
      context,
      `Job ${delivery.begun?.jobId} is delivered: ${state}${reason === null ? '' : ` (${reason})`}.`,
    );
    spool.remove();
  }
  const others = [...new Set(left.map(({ record }) => record.url))].filter((url) => url !== client.url);
  const elsewhere = others.length === 0 ? '' : ` What waits is for ${others.join(', ')} (--url).`;
  if (spools.length === 0) await say(context, `Nothing waits here for ${client.url}.${elsewhere}`);
}
