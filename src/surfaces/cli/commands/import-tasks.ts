import { open } from 'node:fs/promises';
import { join } from 'node:path';
import type { Command } from 'commander';
import type { ForeignRow, ImportProblem } from '../../../contract/import.ts';
import { streams, type Stream } from '../../../contract/stream.ts';
import { connectFor, withServer } from '../command-parts.ts';
import type { CliContext } from '../context.ts';
import { UsageError } from '../errors.ts';
import { conclude, importLines, noCounts, sayRefused, type ImportOptions } from '../import-lines.ts';
import { say } from '../output.ts';

interface TaskOptions extends ImportOptions {
  owner: string;
  timezone: string;
  logs?: string;
}

/** A line of an import takes that much of each stream; of more, the end says most. */
const mostLogBytes = 1024 * 1024;

export function registerImportTasks(group: Command, context: CliContext): void {
  const command = group
    .command('tasks <database>')
    .description(
      'Takes over the tasks of the remote executor, straight from its PostgreSQL (postgresql://user@host/name; the password may stand in PGPASSWORD). A task keeps its uid, and its number where that is free here.',
    )
    .option('--dry-run', 'say what would happen, and change nothing')
    .option('--update', 'tasks that are known take what their row says')
    .option('--owner <name>', 'whose jobs they become', 'predecessor')
    .option('--timezone <zone>', 'of times that are stored without one', 'UTC')
    .option('--logs <folder>', 'where its <uid>_stdout.log and <uid>_stderr.log are; they become the output');
  withServer(command).action(async (database: string, options: TaskOptions, self: Command) => {
    if (!/^postgres(ql)?:\/\//.test(database))
      throw new UsageError(`"${database}" is no address such as postgresql://user@host/name.`);
    const { readPredecessorTasks } = await context.loadLocalMachine();
    const client = await connectFor(context, self);
    const counts = noCounts();
    const renumbered: { task: number; job: number }[] = [];
    const sent: number[] = [];
    const { owner, timezone, logs } = options;
    const tasks = readPredecessorTasks({ url: database, owner, timezone });
    const refuse = async (number: number | undefined, problems: readonly ImportProblem[]): Promise<void> => {
      counts.refused += 1;
      await sayRefused(context, problems, `Task ${number}`);
    };
    for await (const outcome of importLines(client, toLines(tasks, { sent, logs, refuse }), options)) {
      const task = sent[outcome.line - 1];
      if (outcome.outcome === 'refused') {
        await refuse(task, outcome.problems);
        continue;
      }
      counts[outcome.outcome] += 1;
      if (task !== undefined && outcome.jobId !== null && outcome.jobId !== task)
        renumbered.push({ task, job: outcome.jobId });
    }
    if (!options.json)
      for (const { task, job } of renumbered) await say(context, `Task ${task} is job ${job}.`);
    await conclude(context, counts, options, { renumbered });
  });
}

interface Sending {
  /** Numbers of the tasks, a line each. */
  sent: number[];
  logs: string | undefined;
  refuse(number: number, problems: readonly ImportProblem[]): Promise<void>;
}

async function* toLines(
  tasks: AsyncIterable<ForeignRow>,
  { sent, logs, refuse }: Sending,
): AsyncGenerator<string> {
  for await (const task of tasks) {
    if ('problems' in task) {
      await refuse(task.number, task.problems);
      continue;
    }
    sent.push(task.number);
    const { line } = task;
    yield JSON.stringify(logs === undefined ? line : { ...line, ...(await readLogs(logs, line.uid ?? '')) });
  }
}

/** With the uid as it is shown, or without its hyphens, as a table may hold it. */
async function readLogs(folder: string, uid: string): Promise<Partial<Record<Stream, string>>> {
  const read = async (name: string, stream: Stream): Promise<string | null> =>
    readEnd(join(folder, `${name}_${stream}.log`));
  const found = await Promise.all(
    streams.map(
      async (stream) =>
        [stream, (await read(uid, stream)) ?? (await read(uid.replaceAll('-', ''), stream))] as const,
    ),
  );
  return Object.fromEntries(found.filter(([, text]) => text !== null));
}

/** Null: there is none. */
async function readEnd(path: string): Promise<string | null> {
  const file = await open(path, 'r').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw new UsageError(`${path} cannot be read: ${error.message}`);
  });
  if (file === null) return null;
  try {
    const { size } = await file.stat();
    const from = Math.max(0, size - mostLogBytes);
    const { buffer, bytesRead } = await file.read({ buffer: Buffer.alloc(size - from), position: from });
    const text = buffer.toString('utf8', 0, bytesRead).replaceAll('\0', '\u{FFFD}').toWellFormed();
    return from === 0 ? text : `(The first ${from} bytes are left out.)\n${text}`;
  } finally {
    await file.close();
  }
}
