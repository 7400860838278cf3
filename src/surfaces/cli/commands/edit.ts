import type { Command } from 'commander';
import type { JobChange } from '../../../contract/job-change.ts';
import { withoutTags, withTags } from '../../../contract/same-text.ts';
import type { Job } from '../../../contract/job.ts';
import {
  collect,
  connectFor,
  examples,
  integerOption,
  jobPath,
  withServer,
  type ServerOptions,
} from '../command-parts.ts';
import type { CliContext } from '../context.ts';
import { UsageError } from '../errors.ts';
import { printJson, say } from '../output.ts';
import { readText } from '../text-input.ts';

interface EditOptions extends ServerOptions {
  name?: string;
  queue?: string;
  priority?: string;
  project?: string;
  tag?: string[];
  untag?: string[];
  keep?: boolean;
  info?: string;
  summary?: string;
  analysis?: string;
  assessment?: string;
  verdict?: string;
  tone?: string;
  base?: string[];
}

/** Says "nothing" for a field that may be empty. */
const nothing = 'none';

export function registerEdit(program: Command, context: CliContext): void {
  const command = program
    .command('edit <job>')
    .summary('write down what you know about a job')
    .description(
      'Changes what people may change about a job. Every change stays in its history. "none" empties a field; @file takes a text from a file, - from standard input.',
    )
    .option('--info <text>', 'why the job was made')
    .option('--summary <text>', 'what came out, as Markdown')
    .option('--analysis <word>', 'open, ongoing, done')
    .option('--assessment <word>', 'ok, "not ok", other, issue, obsolete')
    .option('--verdict <text>', "overrules the kind's verdict; needs --tone")
    .option('--tone <tone>', 'good, warn, bad')
    .option('--base <job>', 'job it is compared with; may be repeated', collect)
    .option('--tag <text>', 'adds a tag; may be repeated', collect)
    .option('--untag <text>', 'takes a tag away; may be repeated', collect)
    .option('--project <text>', 'project it belongs to')
    .option('--keep', 'never removed by a retention rule')
    .option('--no-keep', 'takes that back')
    .option('--name <text>', 'what lists show')
    .option('-q, --queue <name>', 'another queue, while it waits')
    .option('-p, --priority <number>', 'higher runs first, while it waits');
  withServer(command)
    .addHelpText(
      'after',
      examples(
        'edit 17 --assessment ok --summary "Converged after 40 steps."',
        'edit 17 --verdict "mesh too coarse" --tone bad --base 12',
        'edit 17 --summary @report.md --tag published --keep',
      ),
    )
    .action(async (job: string, options: EditOptions, self: Command) => {
      const path = jobPath(job);
      const client = await connectFor(context, self);
      const tags = await changedTags(() => client.get<Job>(path), options);
      const change = { ...(await toChange(context, options)), ...tags };
      if (Object.keys(change).length === 0)
        throw new UsageError('What is to be changed? See daybook help edit.');
      const changed = await client.send<Job>('PATCH', path, { body: change });
      if (options.json) return printJson(context, changed);
      await say(context, `Job ${changed.id} is changed.`);
      for (const warning of changed.warnings) await say(context, warning);
    });
}

async function toChange(context: CliContext, options: EditOptions): Promise<Record<string, unknown>> {
  const { name, queue, priority, keep, project, analysis, assessment, info, summary, base } = options;
  const change: { [Key in keyof JobChange]: unknown } = {
    name,
    queue,
    priority:
      priority === undefined ? undefined : integerOption('--priority', priority, { min: -1_000, max: 1_000 }),
    keep,
    project: orNull(project),
    analysis: orNull(analysis),
    assessment: orNull(assessment),
    info: await toText(context, '--info', info),
    summary: await toText(context, '--summary', summary),
    verdict: toVerdict(options),
    baseRuns: toBaseRuns(base),
  };
  return Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined));
}

function orNull(text: string | undefined): string | null | undefined {
  return text === nothing ? null : text;
}

async function toText(
  context: CliContext,
  option: string,
  text: string | undefined,
): Promise<string | null | undefined> {
  if (text === '-') return readText(context, option, '-');
  return text?.startsWith('@') ? readText(context, option, text.slice(1)) : orNull(text);
}

function toVerdict({ verdict, tone }: EditOptions): object | null | undefined {
  if (verdict === nothing) return null;
  if (verdict === undefined && tone === undefined) return undefined;
  if (verdict === undefined || tone === undefined) throw new UsageError('--verdict and --tone go together.');
  return { text: verdict, tone };
}

function toBaseRuns(base: string[] | undefined): object[] | undefined {
  if (base?.length === 1 && base[0] === nothing) return [];
  return base?.map((text) => ({
    jobId: integerOption('--base', text, { min: 1, max: Number.MAX_SAFE_INTEGER }),
  }));
}

async function changedTags(
  read: () => Promise<Job>,
  { tag = [], untag = [] }: EditOptions,
): Promise<{ tags?: string[] }> {
  if (tag.length + untag.length === 0) return {};
  const { tags } = await read();
  return { tags: withoutTags(withTags(tags, tag), untag) };
}
