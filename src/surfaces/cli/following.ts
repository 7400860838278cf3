import { setTimeout as wait } from 'node:timers/promises';
import type { Attempt, Job } from '../../contract/job.ts';
import { isEnded, type JobState } from '../../contract/states.ts';
import { backoffMs } from '../../lib/backoff.ts';
import { isPassing, type Client } from './client.ts';
import type { CliContext } from './context.ts';
import { describeProgress, runningTime } from './job-view.ts';
import { say, write } from './output.ts';
import type { Stream } from '../../contract/stream.ts';

export interface Piece {
  stream: Stream;
  kind: 'text' | 'protocol' | 'gap';
  at: string;
  text: string;
}

export interface FollowJobOptions {
  /** Number of the attempt to begin with; the newest when left out. */
  attempt?: number | undefined;
  /** Only that attempt; otherwise also those that come after it. */
  isOnlyAttempt?: boolean;
  isPatient?: boolean;
  signal?: AbortSignal;
  onPiece(piece: Piece, attempt: number | undefined): Promise<void>;
  /** An attempt has ended, and another will come. */
  onNextAttempt?(job: Job): Promise<void>;
}

/** Hands on what the job prints as it comes, until it has ended. Null when it was removed, or the signal came. */
export async function followJob(
  context: CliContext,
  client: Client,
  path: string,
  options: FollowJobOptions,
): Promise<Job | null> {
  const { signal } = options;
  const onConnection = connectionReporter(context, client);
  let attempt = options.attempt;
  for (;;) {
    const end = await followAttempt(client, path, { ...options, attempt, onConnection });
    if (!end || end.state === null) return null;
    const job = await patiently(() => client.get<Job>(path, signalOption(signal)), { onConnection, signal });
    if (!job) return null;
    const number = end.attempt ?? 0;
    // A quick retry may have come and gone since the event.
    if (options.isOnlyAttempt || (isEnded(job.state) && job.attempt <= number)) return job;
    await options.onNextAttempt?.(job);
    attempt = number + 1;
  }
}

interface EndEvent {
  state: JobState | null;
  attempt?: number;
}

async function followAttempt(
  client: Client,
  path: string,
  options: FollowJobOptions & { onConnection: (isConnected: boolean) => void },
): Promise<EndEvent | null> {
  const { attempt, onConnection, isPatient = false, signal, onPiece } = options;
  const events = client.events(`${path}/output/live`, {
    query: { attempt },
    isPatient,
    onConnection,
    ...signalOption(signal),
  });
  for await (const { event, data } of events) {
    if (event === 'output') await onPiece(JSON.parse(data) as Piece, attempt);
    else if (event === 'end') return JSON.parse(data) as EndEvent;
  }
  return null;
}

const firstPollMs = 100;
const slowestPollMs = 1_000;

/** Resolves with the job once it has ended; null when the signal came before. At a terminal, shows how far it is. */
export async function waitForJob(
  context: CliContext,
  client: Client,
  path: string,
  { signal }: { signal: AbortSignal },
): Promise<Job | null> {
  const line = progressLine(context);
  let pollMs = firstPollMs;
  try {
    for (;;) {
      const job = await patiently(() => client.get<Job>(path, { signal }), {
        signal,
        onConnection: (isConnected) =>
          line(isConnected ? '' : `${client.url} does not answer; trying again…`),
      });
      if (!job || isEnded(job.state)) return job;
      line(`Job ${job.id}: ${job.state}${describeProgress(job)}${sinceStart(job)}`);
      await pause(pollMs, signal);
      pollMs = Math.min(slowestPollMs, pollMs * 1.3);
    }
  } finally {
    line('');
  }
}

function sinceStart(job: Job): string {
  const took = job.state === 'running' ? runningTime(job) : undefined;
  return took === undefined || took.endsWith('ms') ? '' : `, ${took}`;
}

/** The exit code of an ended job: that of its newest attempt that has one, as a shell would report it. */
export async function exitCodeOf(
  client: Client,
  path: string,
  job: Job,
  signal: AbortSignal,
): Promise<number | null> {
  if (job.state === 'cancelled') return 143;
  const answer = await patiently(() => client.get<{ items: Attempt[] }>(`${path}/attempts`, { signal }), {
    signal,
  });
  return answer && toExitCode(job.state, answer.items);
}

/** @param attempts in order */
export function toExitCode(state: JobState, attempts: readonly Pick<Attempt, 'retcode'>[]): number {
  if (state === 'cancelled') return 143;
  const retcode = attempts.findLast((attempt) => attempt.retcode !== null)?.retcode;
  if (retcode !== undefined && retcode !== null) return retcode;
  return state === 'failed' ? 1 : 0;
}

const backoff = { initialMs: 250, factor: 2, maxMs: 5_000 };

/** Asks again while the server is away. Null when the signal came; other errors are thrown. */
async function patiently<T>(
  ask: () => Promise<T>,
  options: { signal?: AbortSignal | undefined; onConnection?: (isConnected: boolean) => void },
): Promise<T | null> {
  const { signal, onConnection } = options;
  for (let tries = 1; ; tries += 1) {
    try {
      const answer = await ask();
      if (tries > 1) onConnection?.(true);
      return answer;
    } catch (error) {
      if (signal?.aborted) return null;
      if (!isPassing(error)) throw error;
      if (tries === 1) onConnection?.(false);
      await pause(backoffMs(tries, backoff), signal);
      if (signal?.aborted) return null;
    }
  }
}

async function pause(ms: number, signal?: AbortSignal): Promise<void> {
  await wait(ms, undefined, signalOption(signal)).catch(() => {
    // Aborted: the loops look at the signal.
  });
}

function signalOption(signal: AbortSignal | undefined): { signal?: AbortSignal } {
  return signal ? { signal } : {};
}

/** Says at a terminal that a connection was lost and is back; elsewhere stderr belongs to the job. */
export function connectionReporter(context: CliContext, client: Client): (isConnected: boolean) => void {
  if (!context.stderr.isTTY) return () => {};
  return (isConnected) => {
    void say(
      context,
      isConnected ? 'Connected again.' : `The connection to ${client.url} is lost; trying again…`,
    );
  };
}

/** One line that is written over in place; nothing where no person looks. */
function progressLine({ stderr }: CliContext): (text: string) => void {
  if (!stderr.isTTY) return () => {};
  let shown = '';
  return (text) => {
    if (text === shown) return;
    shown = text;
    // A terminal that does not know its width says 0.
    const width = (stderr.columns || 80) - 1;
    stderr.write(`\r\u001B[K${text.length > width ? `${text.slice(0, width - 1)}…` : text}`);
  };
}

/** What the job printed goes where it was printed; reports to Daybook are left out, gaps are shown. */
export async function writePiece(context: CliContext, piece: Piece): Promise<void> {
  if (piece.kind === 'protocol') return;
  if (piece.kind === 'gap') await say(context, `[daybook: output is missing here: ${piece.text}]`);
  else await write(piece.stream === 'stdout' ? context.stdout : context.stderr, piece.text);
}
