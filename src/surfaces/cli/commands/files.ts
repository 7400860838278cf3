import type { Command } from 'commander';
import type { Artifact, LeftOutFiles, RemovedFiles } from '../../../contract/file.ts';
import { formatBytes } from '../../../lib/size.ts';
import { cleanText } from '../clean-text.ts';
import type { Client } from '../client.ts';
import {
  connectFor,
  examples,
  integerOption,
  jobPath,
  withServer,
  type ServerOptions,
} from '../command-parts.ts';
import type { CliContext } from '../context.ts';
import { print, printJson, say } from '../output.ts';
import { placeFor, savedNames, saveFile } from '../save-files.ts';
import { printTable } from '../table.ts';
import { formatTime } from '../time.ts';

interface FilesOptions extends ServerOptions {
  save?: string;
  attempt?: string;
  in?: boolean;
}

interface JobFileList {
  items: Artifact[];
  leftOut: LeftOutFiles[];
  removed: RemovedFiles[];
}

export function registerFiles(program: Command, context: CliContext): void {
  const command = program
    .command('files <job>')
    .summary('list and save the files of a job')
    .description(
      'Lists what a job was given and what its attempts made; --save writes what the newest attempt made into a folder.',
    )
    .option('--save <folder>', 'write the files there; none that is there already is replaced')
    .option('--attempt <number>', 'what this attempt made')
    .option('--in', 'what the job was given');
  withServer(command)
    .addHelpText('after', examples('files 17', 'files 17 --save results', 'files 17 --in --save inputs'))
    .action(async (id: string, options: FilesOptions, self: Command) => {
      const path = jobPath(id);
      const client = await connectFor(context, self);
      const answer = await client.get<JobFileList>(`${path}/artifacts`);
      const items = choose(answer.items, options);
      if (options.save !== undefined) await save(context, client, { path, items, folder: options.save });
      if (options.json) return printJson(context, { ...answer, items });
      if (options.save === undefined) await printFiles(context, items);
      for (const { rule, at, count } of answer.removed)
        await say(
          context,
          `${count} ${count === 1 ? 'file was' : 'files were'} removed by retention rule "${cleanText(rule)}" on ${formatTime(at)}.`,
        );
      for (const { attempt, count, files } of answer.leftOut) {
        await say(context, `Of what attempt ${attempt} left, ${count} could not be kept:`);
        for (const { name, why } of files) await say(context, `  ${cleanText(name)}: ${cleanText(why)}`);
      }
    });
}

/** All to be listed; to be saved those of one attempt, or those given. */
function choose(items: readonly Artifact[], options: FilesOptions): Artifact[] {
  if (options.in) return items.filter(({ role }) => role === 'in');
  if (options.save === undefined && options.attempt === undefined) return [...items];
  const made = items.filter(({ role }) => role === 'out');
  const number =
    options.attempt === undefined
      ? Math.max(...made.map(({ attempt }) => attempt ?? 0))
      : integerOption('--attempt', options.attempt, { min: 1, max: 2_147_483_647 });
  return made.filter(({ attempt }) => attempt === number);
}

async function save(
  context: CliContext,
  client: Client,
  { path, items, folder }: { path: string; items: readonly Artifact[]; folder: string },
): Promise<void> {
  const names = savedNames(items.map(({ name }) => name));
  for (const [index, { id, sizeBytes }] of items.entries()) {
    const place = await placeFor(folder, names[index] ?? '');
    await saveFile(place, await client.download(`${path}/artifacts/${id}`));
    await say(context, `${cleanText(place)} (${formatBytes(sizeBytes)})`);
  }
  if (items.length === 0) await print(context, 'There are no such files.');
}

async function printFiles(context: CliContext, items: readonly Artifact[]): Promise<void> {
  await printTable(
    context,
    items,
    [
      { title: 'FILE', cell: ({ name }) => cleanText(name) },
      { title: 'FROM', cell: ({ attempt }) => (attempt === null ? 'submit' : `attempt ${attempt}`) },
      { title: 'SIZE', cell: ({ sizeBytes }) => formatBytes(sizeBytes), align: 'right' },
      { title: 'SHA-256', cell: ({ sha256 }) => sha256.slice(0, 12) },
    ],
    { empty: 'The job has no files.' },
  );
}
