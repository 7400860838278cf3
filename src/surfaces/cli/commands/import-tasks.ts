import { open } from 'node:fs/promises';
import { join } from 'node:path';
import type { Command } from 'commander';
import type { ImportLine } from '../../../contract/import.ts';
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
    const sent: (number | undefined)[] = [];
    const { owner, timezone, logs } = options;
    const tasks = readPredecessorTasks({ url: database, owner, timezone });
    for await (const outcome of importLines(client, toLines(tasks, { sent, logs }), options)) {
      counts[outcome.outcome] += 1;
      const task = sent[outcome.line - 1];
      if (outcome.outcome === 'refused') {
        await sayRefused(context, outcome, `Task ${task}`);
        continue;
      }
      if (task !== undefined && outcome.jobId !== null && outcome.jobId !== task)
        renumbered.push({ task, job: outcome.jobId });
    }
    if (!options.json)
      for (const { task, job } of renumbered) await say(context, `Task ${task} is job ${job}.`);
    await conclude(context, counts, options, { renumbered });
  });
}

async function* toLines(
  tasks: AsyncIterable<ImportLine>,
  { sent, logs }: { sent: (number | undefined)[]; logs: string | undefined },
): AsyncGenerator<string> {
  for await (const task of tasks) {
    sent.push(task.number);
    yield JSON.stringify(logs === undefined ? task : { ...task, ...(await readLogs(logs, task.uid ?? '')) });
  }
}

async function readLogs(folder: string, uid: string): Promise<Partial<Record<Stream, string>>> {
  const found = await Promise.all(
    streams.map(async (stream) => [stream, await readEnd(join(folder, `${uid}_${stream}.log`))] as const),
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
