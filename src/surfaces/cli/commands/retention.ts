import type { Command } from 'commander';
import {
  removals,
  type Removal,
  type RetentionPreview,
  type RetentionRule,
  type RetentionTerms,
} from '../../../contract/retention.ts';
import { cleanText } from '../clean-text.ts';
import type { Client } from '../client.ts';
import { connectFor, examples, listCommand, withServer, type ServerOptions } from '../command-parts.ts';
import type { CliContext } from '../context.ts';
import { UsageError } from '../errors.ts';
import { toFilter } from '../filter.ts';
import { print, printJson } from '../output.ts';
import { printTable } from '../table.ts';
import { formatBytes } from '../../../lib/size.ts';
import { formatTime, momentOption, parseDuration } from '../time.ts';

interface TermOptions extends ServerOptions {
  olderThan?: string;
  removes?: string;
  from?: string;
  off?: boolean;
}

interface ChangeOptions extends TermOptions {
  name?: string;
  filter?: string;
  on?: boolean;
}

const dayMs = 86_400_000;

export function registerRetention(program: Command, context: CliContext): void {
  const group = program
    .command('retention')
    .summary('rules by which old jobs, their output or their files go')
    .description(
      'Rules by which old jobs, or only their output or files, go. Without a rule nothing ever goes by itself. A rule takes effect one day after it was made or changed, and never takes what is kept (daybook edit --keep).',
    )
    .enablePositionalOptions()
    .addHelpText(
      'after',
      examples(
        'retention preview --older-than 90d --removes output kind:script',
        'retention add "old output" --older-than 90d --removes output kind:script',
        'retention change "old output" --older-than 60d',
        'retention remove "old output"',
      ),
    );
  const show = async (rule: RetentionRule, self: Command): Promise<void> => {
    if (self.opts<ServerOptions>().json) await printJson(context, rule);
    else await print(context, `Rule "${cleanText(rule.name)}" ${effectOf(rule)}.`);
  };

  withServer(listCommand(group, 'List rules with their last runs.')).action(
    async (options: ServerOptions, self: Command) => {
      const client = await connectFor(context, self);
      const answer = await client.get<{ items: RetentionRule[] }>('/retention-rules');
      if (options.json) return printJson(context, answer);
      await printRules(context, answer.items);
    },
  );
  withServer(
    withTerms(
      group
        .command('preview [filter...]')
        .description('Say what such a rule would remove now; removes nothing.'),
    ),
  ).action(async (words: string[], options: TermOptions, self: Command) => {
    const body = { filter: toFilter(words), ...requiredTerms(options) };
    const client = await connectFor(context, self);
    const preview = await client.send<RetentionPreview>('POST', '/retention-rules/preview', { body });
    if (options.json) return printJson(context, preview);
    await print(context, describePreview(preview, body.removes));
  });
  withServer(
    withTerms(
      group.command('add <name> [filter...]').description('Announce a rule for the jobs of a filter.'),
    )
      .option('--from <moment>', 'when it takes effect, like 3d or 2026-03-01; one day from now by default')
      .option('--off', 'leave it switched off'),
  ).action(async (name: string, words: string[], options: TermOptions, self: Command) => {
    const body = {
      name,
      filter: toFilter(words),
      ...requiredTerms(options),
      enabled: !options.off,
      ...fromOf(options),
    };
    const client = await connectFor(context, self);
    await show(await client.send<RetentionRule>('POST', '/retention-rules', { body }), self);
  });
  withServer(
    withTerms(
      group.command('change <rule>').description('Change a rule; what goes further is announced anew.'),
    )
      .option('--name <name>', 'another name')
      .option('--filter <filter>', 'other jobs')
      .option('--from <moment>', 'when it takes effect')
      .option('--on', 'switch it on')
      .option('--off', 'switch it off'),
  ).action(async (named: string, options: ChangeOptions, self: Command) => {
    const client = await connectFor(context, self);
    const { id } = await findRule(client, named);
    const body = changeOf(options);
    await show(await client.send<RetentionRule>('PATCH', `/retention-rules/${id}`, { body }), self);
  });
  withServer(
    group.command('remove <rule>').description('Remove a rule; what it removed does not come back.'),
  ).action(async (named: string, options: ServerOptions, self: Command) => {
    const client = await connectFor(context, self);
    const { id, name } = await findRule(client, named);
    await client.send('DELETE', `/retention-rules/${id}`);
    if (!options.json) await print(context, `Rule "${cleanText(name)}" is removed.`);
  });
}

function withTerms(command: Command): Command {
  return command
    .option('--older-than <time>', 'whole days since the job ended, like 90d or 12w')
    .option(
      '--removes <what>',
      `${removals.join(', ')}: the whole job, only what it printed, or only the files it took and made`,
    );
}

function requiredTerms(options: TermOptions): Omit<RetentionTerms, 'filter'> {
  const { olderThanDays, removes } = termsOf(options);
  if (olderThanDays === undefined) throw new UsageError('--older-than is missing, such as --older-than 90d.');
  if (removes === undefined)
    throw new UsageError('--removes is missing: --removes job, --removes output or --removes files.');
  return { olderThanDays, removes };
}

function termsOf({ olderThan, removes }: TermOptions): { olderThanDays?: number; removes?: Removal } {
  return {
    ...(olderThan === undefined ? {} : { olderThanDays: toDays(olderThan) }),
    ...(removes === undefined ? {} : { removes: toRemoval(removes) }),
  };
}

function changeOf(options: ChangeOptions): Record<string, unknown> {
  const { name, filter, on, off } = options;
  if (on && off) throw new UsageError('--on and --off cannot both be.');
  const change = {
    ...(name === undefined ? {} : { name }),
    ...(filter === undefined ? {} : { filter: toFilter([filter]) }),
    ...termsOf(options),
    ...(on || off ? { enabled: on === true } : {}),
    ...fromOf(options),
  };
  if (Object.keys(change).length === 0) throw new UsageError('Nothing to change was named.');
  return change;
}

function fromOf({ from }: TermOptions): { effectiveFrom?: string } {
  if (from === undefined) return {};
  return { effectiveFrom: momentOption('--from', from, { direction: 'ahead' }).toISOString() };
}

function toDays(text: string): number {
  const days = /^\d+$/.test(text) ? Number(text) : (parseDuration(text) ?? Number.NaN) / dayMs;
  if (Number.isInteger(days) && days >= 1 && days <= 36_500) return days;
  throw new UsageError(`--older-than is "${text}"; expected whole days, like 90d or 12w, at most 36500.`);
}

function toRemoval(text: string): Removal {
  const removal = removals.find((known) => known === text);
  if (removal) return removal;
  throw new UsageError(`--removes is "${text}"; expected ${removals.join(', ')}.`);
}

async function findRule(client: Client, named: string): Promise<RetentionRule> {
  const { items } = await client.get<{ items: RetentionRule[] }>('/retention-rules');
  const found =
    items.find(({ name }) => name.toLowerCase() === named.toLowerCase()) ??
    items.find(({ id }) => String(id) === named);
  if (found) return found;
  const names = items.map(({ name }) => `"${cleanText(name)}"`).join(', ') || 'none';
  throw new UsageError(`There is no rule "${named}"; there are: ${names}.`);
}

const removedOf = { job: 'jobs', output: 'output of jobs', files: 'files of jobs' } as const;

function effectOf({ enabled, effectiveFrom, olderThanDays, removes }: RetentionRule): string {
  const what = `removes ${removedOf[removes]} that ended more than ${olderThanDays} days ago`;
  if (!enabled) return `is switched off; on, it ${what}`;
  return `${what}, from ${formatTime(effectiveFrom)} on`;
}

function describePreview(preview: RetentionPreview, removes: Removal): string {
  const { jobs, isAtLeast, outputBytes, fileBytes, oldest, newest, kept, keptIsAtLeast } = preview;
  const protectedOnes = `${keptIsAtLeast ? 'At least ' : ''}${kept} more ${kept === 1 ? 'is' : 'are'} protected by keep.`;
  if (jobs === 0 && isAtLeast)
    return `Nothing was found in the time there is; further on something may go. ${protectedOnes}`;
  if (jobs === 0) return `Nothing would go now. ${protectedOnes}`;
  const edge = (title: string, job: RetentionPreview['oldest']): string[] =>
    job ? [`${title}  ${job.id}  ${cleanText(job.name)}  ended ${formatTime(job.endedAt)}`] : [];
  const count = `${isAtLeast ? 'at least ' : ''}${jobs} ${jobs === 1 ? 'job' : 'jobs'}`;
  const withFiles = fileBytes === 0 ? '' : ` and ${formatBytes(fileBytes)} of files`;
  const what = {
    job: `${count} would go now, ${formatBytes(outputBytes)} of output${withFiles}.`,
    output: `the output of ${count} would go now, ${formatBytes(outputBytes)}.`,
    files: `the files of ${count} would go now, ${formatBytes(fileBytes)}.`,
  }[removes];
  return [
    `${what.charAt(0).toUpperCase()}${what.slice(1)}`,
    ...edge('oldest', oldest),
    ...edge('newest', newest),
    protectedOnes,
  ].join('\n');
}

async function printRules(context: CliContext, rules: readonly RetentionRule[]): Promise<void> {
  await printTable(
    context,
    rules,
    [
      { title: 'RULE', cell: ({ name }) => cleanText(name) },
      { title: 'REMOVES', cell: ({ removes }) => removes },
      { title: 'OLDER THAN', cell: ({ olderThanDays }) => `${olderThanDays} d`, align: 'right' },
      { title: 'FROM', cell: (rule) => (rule.enabled ? formatTime(rule.effectiveFrom) : 'off') },
      { title: 'LAST RUN', cell: ({ runs: [last] }) => (last ? formatTime(last.startedAt) : '-') },
      { title: 'JOBS', cell: ({ runs: [last] }) => (last ? String(last.jobs) : '-'), align: 'right' },
      {
        title: 'OUTPUT',
        cell: ({ runs: [last] }) => (last ? formatBytes(last.outputBytes) : '-'),
        align: 'right',
      },
      {
        title: 'FILES',
        cell: ({ runs: [last] }) => (last ? formatBytes(last.fileBytes) : '-'),
        align: 'right',
      },
      { title: 'FILTER', cell: ({ filter }) => cleanText(filter || 'every job'), isFlexible: true },
    ],
    { empty: 'There are no rules: nothing goes by itself.' },
  );
}
