import type { Command } from 'commander';
import type { Client, Query } from '../client.ts';
import {
  connectFor,
  examples,
  integerOption,
  jobPath,
  withServer,
  type ServerOptions,
} from '../command-parts.ts';
import type { CliContext, Output } from '../context.ts';
import { UsageError } from '../errors.ts';
import { followJob, type Piece } from '../following.ts';
import { printJson, write } from '../output.ts';
import { formatTime } from '../time.ts';
import type { Stream } from '../../../contract/stream.ts';

interface LogsOptions extends ServerOptions {
  follow?: boolean;
  stream?: string;
  attempt?: string;
  tail?: string;
  timestamps?: boolean;
  raw?: boolean;
}

interface Line {
  stream: Stream;
  line: number | null;
  at: string;
  text: string;
  kind: 'text' | 'protocol' | 'gap';
  isPartial: boolean;
}

interface LinePage {
  attempt: number;
  isEnded: boolean;
  lines: Line[];
  next: string | null;
}

/** What the options say, checked. */
interface Wanted {
  stream: Stream | undefined;
  attempt: number | undefined;
  tail: number | undefined;
  hasTimestamps: boolean;
}

const linesAtOnce = 10_000;

export function registerLogs(program: Command, context: CliContext): void {
  const command = program
    .command('logs <id>')
    .summary('print what a job printed')
    .description(
      'Prints what a job printed: its stdout on stdout, its stderr on stderr. A stream chosen with --stream goes to stdout.',
    )
    .option('-f, --follow', 'go on until the job has ended')
    .option('--stream <stream>', 'only stdout or stderr')
    .option('--attempt <number>', 'that try instead of the newest')
    .option('-n, --tail <number>', 'only the last lines')
    .option('-t, --timestamps', 'begin each line with the time it was printed')
    .option('--raw', 'byte for byte, for output that is no text; needs --stream');
  withServer(command)
    .addHelpText('after', examples('logs 17', 'logs -f --tail 20 17', 'logs 17 --stream stderr > errors.txt'))
    .action(async (id: string, options: LogsOptions, self: Command) => {
      const path = jobPath(id);
      const wanted = toWanted(options);
      const client = await connectFor(context, self);
      if (options.raw) return printRaw(context, client, path, wanted);
      if (options.follow)
        return followLogs(context, client, path, { ...wanted, isJson: options.json ?? false });
      return printLogs(context, client, path, { ...wanted, isJson: options.json ?? false });
    });
}

/** @throws UsageError */
function toWanted(options: LogsOptions): Wanted {
  const { stream, attempt, tail, raw, follow, timestamps = false } = options;
  if (stream !== undefined && stream !== 'stdout' && stream !== 'stderr') {
    throw new UsageError(`--stream is "${stream}"; expected stdout or stderr.`);
  }
  if (raw && stream === undefined) throw new UsageError('--raw needs --stream stdout or --stream stderr.');
  if (raw && (follow || timestamps || tail !== undefined || options.json)) {
    throw new UsageError('--raw goes with --stream and --attempt only.');
  }
  return {
    stream,
    attempt:
      attempt === undefined ? undefined : integerOption('--attempt', attempt, { min: 1, max: 1_000_000 }),
    tail: tail === undefined ? undefined : integerOption('--tail', tail, { min: 0, max: linesAtOnce }),
    hasTimestamps: timestamps,
  };
}

async function printRaw(context: CliContext, client: Client, path: string, wanted: Wanted): Promise<void> {
  const bytes = await client.download(`${path}/output/${wanted.stream}`, {
    query: { attempt: wanted.attempt },
  });
  for await (const piece of bytes) await write(context.stdout, piece);
}

async function printLogs(
  context: CliContext,
  client: Client,
  path: string,
  wanted: Wanted & { isJson: boolean },
): Promise<void> {
  if (wanted.tail === 0) return;
  const query: Query = {
    stream: wanted.stream ?? 'merged',
    attempt: wanted.attempt,
    lines: wanted.tail ?? linesAtOnce,
  };
  let from = wanted.tail === undefined ? undefined : 'end';
  for (;;) {
    const page = await client.get<LinePage>(`${path}/output`, { query: { ...query, from } });
    if (wanted.isJson) await printJson(context, page);
    else for (const line of page.lines) await printLine(context, line, wanted);
    if (page.next === null || wanted.tail !== undefined) return;
    from = page.next;
  }
}

async function printLine(context: CliContext, line: Line, wanted: Wanted): Promise<void> {
  if (line.kind === 'gap') return write(context.stderr, gapText(line.text));
  const time = wanted.hasTimestamps ? `${timestamp(line.at)} ` : '';
  await write(target(context, line.stream, wanted), `${time}${line.text}${line.isPartial ? '' : '\n'}`);
}

async function followLogs(
  context: CliContext,
  client: Client,
  path: string,
  wanted: Wanted & { isJson: boolean },
): Promise<void> {
  const { attempt, stream, tail } = wanted;
  const from = tail === undefined ? undefined : await findTail(client, path, { attempt, stream, tail });
  const isAtLineStart = { stdout: true, stderr: true };
  await followJob(context, client, path, {
    attempt: attempt ?? from?.attempt,
    isOnlyAttempt: attempt !== undefined,
    onPiece: async (piece, number) => {
      if (stream !== undefined && piece.stream !== stream) return;
      const text = from && (number === undefined || number === from.attempt) ? from.skip(piece) : piece.text;
      if (text === '') return;
      if (wanted.isJson) return printJson(context, { ...piece, text });
      if (piece.kind === 'protocol') return;
      if (piece.kind === 'gap') return write(context.stderr, gapText(text));
      const shown = wanted.hasTimestamps ? stamp(piece, text, isAtLineStart[piece.stream]) : text;
      isAtLineStart[piece.stream] = text.endsWith('\n');
      await write(target(context, piece.stream, wanted), shown);
    },
  });
}

interface Tail {
  attempt: number | undefined;
  /** The part of a piece that lies in the tail. */
  skip(piece: Piece): string;
}

/** The live stream begins at the first line: this counts lines and passes over those before the tail. */
async function findTail(
  client: Client,
  path: string,
  { attempt, stream, tail }: { attempt: number | undefined; stream: string | undefined; tail: number },
): Promise<Tail> {
  const ask = (name: string, lines: number): Promise<LinePage> =>
    client.get<LinePage>(`${path}/output`, {
      query: { attempt, stream: name, from: 'end', lines, protocol: true },
    });
  const page = await ask(stream ?? 'merged', Math.max(1, tail));
  const shown = tail === 0 ? [] : page.lines;
  const firstLine = async (name: Stream): Promise<number> => {
    const first = shown.find((line) => line.stream === name && line.line !== null)?.line;
    if (first !== undefined && first !== null) return first;
    const last = (await ask(name, 1)).lines.at(-1);
    return last?.line === undefined || last.line === null ? 0 : last.line + (last.isPartial ? 0 : 1);
  };
  const first = { stdout: await firstLine('stdout'), stderr: await firstLine('stderr') };
  const line = { stdout: 0, stderr: 0 };
  return {
    attempt: page.attempt === 0 ? undefined : page.attempt,
    skip: ({ stream: name, kind, text }) => {
      if (kind === 'gap') return line[name] >= first[name] ? text : '';
      let from = 0;
      while (line[name] < first[name]) {
        const end = text.indexOf('\n', from);
        if (end < 0) return '';
        from = end + 1;
        line[name] += 1;
      }
      return text.slice(from);
    },
  };
}

function target(context: CliContext, stream: Stream, wanted: Wanted): Output {
  return stream === 'stdout' || wanted.stream !== undefined ? context.stdout : context.stderr;
}

function stamp(piece: Piece, text: string, isAtLineStart: boolean): string {
  const time = `${timestamp(piece.at)} `;
  const body = text.replaceAll(/\n(?!$)/g, `\n${time}`);
  return isAtLineStart ? time + body : body;
}

function timestamp(at: string): string {
  return `${formatTime(at)}.${String(new Date(at).getMilliseconds()).padStart(3, '0')}`;
}

function gapText(text: string): string {
  return `[daybook: output is missing here: ${text}]\n`;
}
