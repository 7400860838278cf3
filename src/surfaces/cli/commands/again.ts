import type { Command } from 'commander';
import type { AgainDifference } from '../../../contract/again.ts';
import type { Capsule } from '../../../contract/capsule.ts';
import type { Job } from '../../../contract/job.ts';
import { cleanText } from '../clean-text.ts';
import {
  connectFor,
  examples,
  integerOption,
  jobPath,
  withServer,
  type ServerOptions,
} from '../command-parts.ts';
import { commandForms } from '../../../kinds/command-forms.ts';
import { describeCapsule } from '../capsule-view.ts';
import type { Client } from '../client.ts';
import type { CliContext } from '../context.ts';
import { UsageError } from '../errors.ts';
import { NamesFirst } from '../names-first.ts';
import { painter, print, printJson } from '../output.ts';
import { toRunBody, withRunOptions, type RunChoices } from '../run-options.ts';
import { durationOption } from '../time.ts';

interface AgainOptions extends RunChoices, ServerOptions {
  asItWas?: boolean;
  attempt?: string;
  dryRun?: boolean;
  queue?: string;
  priority?: string;
  timeout?: string;
  name?: string;
  idempotencyKey?: string;
}

export function registerAgain(program: Command, context: CliContext): void {
  const command = new NamesFirst('again', { names: 1, isStrict: false })
    .copyInheritedSettings(program)
    .arguments('<job> [args...]')
    .summary('run a job again')
    .description(
      'Runs a job again, as a new job: with today’s script, or as it was. Arguments given replace all of the job’s; -- before them where one looks like an option of this command.',
    )
    .option('--as-it-was', 'with the text of the script that ran then')
    .option('--attempt <number>', 'the script of this attempt; by default of the newest')
    .option('-n, --dry-run', 'only show what would be different')
    .option('-q, --queue <name>', 'where it waits')
    .option('-p, --priority <number>', 'higher runs first; -1000 to 1000')
    .option('--timeout <time>', 'limit for each try: 90, 10m, 2h')
    .option('--name <text>', 'what lists show')
    .option('--idempotency-key <key>', 'running again with the same key answers with the first job');
  program.addCommand(command);
  withServer(withRunOptions(command))
    .addHelpText(
      'after',
      examples('again 17', 'again --as-it-was 17', 'again 17 --dry-run', 'again --memory 2GiB 17 --month 4'),
    )
    .action(async (id: string, args: string[], options: AgainOptions, self: Command) => {
      const { asItWas, attempt, dryRun, idempotencyKey } = options;
      const client = await connectFor(context, self);
      const body = {
        as: asItWas ? 'it-was' : 'it-is',
        ...(attempt === undefined
          ? {}
          : { attempt: integerOption('--attempt', attempt, { min: 1, max: 1_000_000 }) }),
        edit: {
          ...(args.length === 0 ? {} : { input: await readArguments(client, id, args) }),
          ...(await toEdit(context, options)),
        },
        ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
        dryRun: dryRun === true,
      };
      const path = `${jobPath(id)}/again`;
      if (dryRun) {
        const difference = await client.send<AgainDifference>('POST', path, { body });
        return options.json ? printJson(context, difference) : print(context, describe(difference));
      }
      const job = await client.send<Job>('POST', path, { body });
      if (options.json) return printJson(context, job);
      await print(context, `Job ${job.id}`);
    });
}

/** What the arguments of a command line mean to the kind of the job. @throws UsageError */
async function readArguments(
  client: Client,
  id: string,
  args: readonly string[],
): Promise<Record<string, unknown>> {
  const { kind } = await client.get<Job>(jobPath(id));
  const form = commandForms[kind];
  if (form) return form.toEdit(args);
  throw new UsageError(`Job ${id} is of kind ${kind}, which takes no arguments. Run it again without.`);
}

async function toEdit(context: CliContext, options: AgainOptions): Promise<Record<string, unknown>> {
  const { queue, priority, timeout, name } = options;
  return {
    ...(queue === undefined ? {} : { queue }),
    ...(priority === undefined
      ? {}
      : { priority: integerOption('--priority', priority, { min: -1_000, max: 1_000 }) }),
    ...(timeout === undefined ? {} : { timeoutSeconds: durationOption('--timeout', timeout) / 1_000 }),
    ...(name === undefined ? {} : { name }),
    ...(await toRunBody(context, options)),
  };
}

function describe({ script, changes }: AgainDifference): string {
  const lines = changes.map(
    ({ field, before, after }) =>
      `${cleanText(field)}: ${cleanText(JSON.stringify(before))} → ${cleanText(JSON.stringify(after))}`,
  );
  if (script) lines.push(`Runs the script ${cleanText(script.name)}${describeScript(script)}`);
  return lines.length === 0 ? 'Nothing is different.' : lines.join('\n');
}

function describeScript({
  runs,
  diff,
  sha256Now,
  sha256Then,
}: NonNullable<AgainDifference['script']>): string {
  if (sha256Now === null && runs === 'now') return ' of today, which is not there.';
  if (diff === '') return ', which is the same as then.';
  const which = runs === 'then' ? ' as it was then' : ' of today';
  if (sha256Then === null) return `${which}; what it was then is not recorded.`;
  if (diff === null)
    return `${which}; it is another one than then, the difference is not known line by line.`;
  return `${which}. From then to now:\n${diff.split('\n').map(cleanText).join('\n')}`;
}

export function registerCapsule(program: Command, context: CliContext): void {
  withServer(
    program
      .command('capsule <job>')
      .summary('show what exactly ran')
      .description(
        'Shows what an attempt was started with: script, arguments, environment, limits, versions.',
      )
      .option('--attempt <number>', 'by default the newest')
      .option('--script', 'only the text of the script'),
  )
    .addHelpText('after', examples('capsule 17', 'capsule --script 17 > as-it-was.sh'))
    .action(
      async (id: string, options: ServerOptions & { attempt?: string; script?: boolean }, self: Command) => {
        const client = await connectFor(context, self);
        const query = { attempt: options.attempt };
        const capsule = await client.get<Capsule>(`${jobPath(id)}/capsule`, { query });
        if (options.script) return void context.stdout.write(capsule.script?.text ?? '');
        if (options.json) return printJson(context, capsule);
        await print(context, describeCapsule(capsule, painter(context.stdout, context.env)));
      },
    );
}
