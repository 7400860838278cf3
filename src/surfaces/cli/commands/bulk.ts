import type { Command } from 'commander';
import type { BulkAction, BulkAnswer, BulkCounts } from '../../../contract/bulk.ts';
import { cleanText } from '../clean-text.ts';
import { connectFor, examples, withServer, type ServerOptions } from '../command-parts.ts';
import { toCancelWish, withCancelWish, type CancelOptions } from '../cancel-options.ts';
import type { CliContext } from '../context.ts';
import { toFilter } from '../filter.ts';
import { UsageError } from '../errors.ts';
import { print, printJson } from '../output.ts';

interface BulkOptions extends ServerOptions, CancelOptions {
  dryRun?: boolean;
  yes?: boolean;
  tag?: string;
  queue?: string;
  assessment?: string;
  analysis?: string;
}

const past = {
  cancel: 'cancelled',
  retry: 'sent to run again',
  delete: 'removed',
  tag: 'tagged',
  untag: 'untagged',
  move: 'moved',
  assess: 'assessed',
} as const satisfies Record<BulkAction['action'], string>;
type Action = keyof typeof past;

export function registerBulk(program: Command, context: CliContext): void {
  const command = program
    .command('bulk <action> <filter...>')
    .summary('cancel, retry, delete, tag, move or assess every job of a filter')
    .description(
      'Acts on every job of a filter (docs/filter-language.md). Says first how many these are, and acts with --yes only. More than 200 jobs become a job of their own, which can be followed and cancelled.',
    )
    .option('--dry-run', 'say only what would be touched')
    .option('-y, --yes', 'act')
    .option('--tag <tags>', 'for tag and untag: the tags, separated by commas')
    .option('--queue <name>', 'for move: where jobs that wait go to')
    .option('--assessment <word>', 'for assess: ok, not ok, other, issue, obsolete')
    .option('--analysis <word>', 'for assess: open, ongoing, done');
  withServer(withCancelWish(command, 'for cancel: '))
    .addHelpText(
      'after',
      examples(
        'bulk cancel is:mine state:queued --dry-run',
        'bulk cancel --reason "licence is down" --yes project:wing',
        'bulk retry --yes reason:lost "submitted:>-1d"',
        'bulk tag --tag night --yes crash state:failed',
        'bulk move --queue night --yes queue:default state:queued',
        'bulk assess --assessment obsolete --yes args.case:A3',
      ),
    )
    .action(async (action: string, filter: string[], options: BulkOptions, self: Command) => {
      if (!isAction(action))
        throw new UsageError(`There is no "bulk ${action}"; expected ${Object.keys(past).join(', ')}.`);
      const body = { ...toAction(action, options), filter: toFilter(filter) };
      const client = await connectFor(context, self);
      const act = (change: object): Promise<BulkAnswer> =>
        client.send<BulkAnswer>('POST', '/jobs/bulk', { body: { ...body, ...change } });
      const answer = await act({ dryRun: options.dryRun === true || options.yes !== true });
      if (options.json) return printJson(context, answer);
      await print(context, describe(answer, action));
      if (answer.status === 'dry run' && !options.dryRun)
        await print(context, 'Nothing was touched; --yes does it.');
    });
}

function isAction(word: string): word is Action {
  return Object.hasOwn(past, word);
}

function toAction(action: Action, options: BulkOptions): object {
  const { tag, queue, assessment, analysis } = options;
  if (action === 'cancel') return { action, ...toCancelWish(options) };
  if (action === 'tag' || action === 'untag') {
    const tags = (tag ?? '').split(',').filter((name) => name !== '');
    if (tags.length === 0) throw new UsageError(`bulk ${action} needs --tag, such as --tag night,release.`);
    return { action, tags };
  }
  if (action === 'move') {
    if (queue === undefined) throw new UsageError('bulk move needs --queue, such as --queue night.');
    return { action, queue };
  }
  if (action !== 'assess') return { action };
  return {
    action,
    ...(assessment === undefined ? {} : { assessment }),
    ...(analysis === undefined ? {} : { analysis }),
  };
}

function describe(answer: BulkAnswer, action: Action): string {
  if (answer.status === 'done') return describeCounts(answer, action);
  const matched = `${answer.isAtLeast ? 'at least ' : ''}${countJobs(answer.matched)}`;
  if (answer.status === 'started') return `Job ${answer.job} does it, for ${matched}.`;
  const width = Math.max(0, ...answer.sample.map(({ id }) => String(id).length));
  const sample = answer.sample.map(
    (job) => `  ${String(job.id).padStart(width)}  ${job.state}  ${cleanText(job.name)}`,
  );
  const isCut = answer.matched > sample.length;
  return [
    `${matched} ${whichOf(action)}would be ${past[action]}${sample.length > 0 ? ':' : '.'}`,
    ...sample,
    ...(isCut ? ['  …'] : []),
  ].join('\n');
}

/** The filter does not say it, and the others are left alone. */
function whichOf(action: Action): string {
  switch (action) {
    case 'cancel':
      return 'fit; those that have not ended ';
    case 'retry':
      return 'fit; those that failed or were cancelled ';
    case 'delete':
      return 'fit; those that have ended and are not kept ';
    case 'move':
      return 'fit; those that wait ';
    default:
      return '';
  }
}

function countJobs(count: number): string {
  return count === 1 ? '1 job' : `${count} jobs`;
}

function describeCounts({ seen, changed, skipped }: BulkCounts, action: Action): string {
  const lines = skipped.map(
    ({ reason, count, jobs }) =>
      `  ${count} left alone, as each ${reason} (${jobs.join(', ')}${count > jobs.length ? ', …' : ''})`,
  );
  return [`${changed} of ${countJobs(seen)} ${past[action]}.`, ...lines].join('\n');
}
