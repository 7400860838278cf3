import type { Command } from 'commander';
import { AppError } from '../../../contract/errors.ts';
import { foreignName } from '../../../contract/foreign-name.ts';
import type { Attempt, Job, JobSummary } from '../../../contract/job.ts';
import type { View } from '../../../contract/view.ts';
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
import { toFilter } from '../filter.ts';
import { describeJob, paintState, runningTime, shortState } from '../job-view.ts';
import { painter, print, printJson, say, write } from '../output.ts';
import { printTable, type Column } from '../table.ts';
import { formatAgo, formatTime, momentOption } from '../time.ts';

interface ListOptions extends ServerOptions {
  view?: string;
  state?: string;
  kind?: string;
  queue?: string;
  owner?: string;
  project?: string;
  since?: string;
  limit: string;
  allPages?: boolean;
  csv?: boolean;
}

interface JobPage {
  items: JobSummary[];
  cursor: string | null;
  searchedBackTo: string | null;
}

export function registerJobs(program: Command, context: CliContext): void {
  const command = program
    .command('jobs [filter...]')
    .summary('list jobs, the newest first')
    .description(
      'Lists jobs, the newest first: all, or those that a filter finds by words and keys (docs/filter-language.md).',
    )
    .option('--view <name>', 'a filter kept under this name; more words narrow it')
    .option('-s, --state <states>', 'one or more states, separated by commas; also live, ended')
    .option('--kind <kind>', 'only this kind')
    .option('-q, --queue <name>', 'only this queue')
    .option('--owner <name>', 'only what this person submitted')
    .option('--project <text>', 'only this project')
    .option('--since <time>', 'submitted since then: 2h, 3d, today, 2026-03-01')
    .option('-n, --limit <number>', 'at most so many; with --all-pages, so many a page', '50')
    .option('--all-pages', 'all of them')
    .option('--csv', 'all of them as comma-separated values, for a spreadsheet');
  withServer(command)
    .addHelpText(
      'after',
      examples(
        'jobs --state live',
        'jobs --owner ana --json',
        'jobs crash state:failed "submitted:>-7d"',
        'jobs -- -owner:ana args.case:A3',
        'jobs --view inbox owner:ana',
        'jobs --csv submitted:2026-11 > november.csv',
      ),
    )
    .action(async (filter: string[], options: ListOptions, self: Command) => {
      const { since, limit, state, kind, queue, owner, project } = options;
      const words = toFilter(filter);
      const client = await connectFor(context, self);
      const q =
        options.view === undefined ? words : `${await findView(client, options.view)} ${words}`.trim();
      const selection = {
        q: q === '' ? undefined : q,
        state,
        kind,
        queue,
        owner,
        project,
        since:
          since === undefined
            ? undefined
            : momentOption('--since', since, { direction: 'ago' }).toISOString(),
      };
      if (options.csv) {
        const lines = await client.download('/jobs/export', { query: selection });
        for await (const piece of lines) await write(context.stdout, piece);
        return;
      }
      const query = { ...selection, limit: integerOption('--limit', limit, { min: 1, max: 500 }) };
      const page = await client.get<JobPage>('/jobs', { query });
      const items = [...page.items];
      let { cursor, searchedBackTo } = page;
      while (options.allPages && cursor !== null) {
        const next = await client.get<JobPage>('/jobs', { query: { ...query, cursor } });
        items.push(...next.items);
        ({ cursor, searchedBackTo } = next);
      }
      if (options.json) return printJson(context, { items, cursor, searchedBackTo });
      await printTable(context, items, columns(context, items), { empty: 'No such jobs.' });
      if (searchedBackTo !== null) {
        await say(context, `Searched back to ${formatTime(searchedBackTo)} only; --all-pages looks further.`);
      } else if (cursor !== null && context.stdout.isTTY)
        await say(context, 'There are more: --all-pages shows them.');
    });
}

/** One's own goes before one that somebody shares. */
async function findView(client: Client, name: string): Promise<string> {
  const { items } = await client.get<{ items: View[] }>('/views');
  const named = items.filter((view) => view.name.toLowerCase() === name.toLowerCase());
  const found = named.find(({ shared }) => !shared) ?? named[0];
  if (found) return found.filter;
  const known = items.map((view) => view.name).join(', ');
  throw new AppError(
    'not_found',
    `There is no view "${name}"${known === '' ? '' : `; there are: ${known}`}. Make one with "daybook view set".`,
  );
}

function nameOf(job: JobSummary): string {
  const elsewhere = foreignName(job);
  return cleanText(elsewhere === null ? job.name : `${job.name} (${elsewhere})`);
}

function columns(context: CliContext, jobs: readonly JobSummary[]): Column<JobSummary>[] {
  const paint = painter(context.stdout, context.env);
  const now = new Date();
  // A program that reads the list wants a time that it can read.
  const time = (at: string): string => (context.stdout.isTTY ? formatAgo(at, now) : formatTime(at));
  // Of the two long ones, a name is told from others by its beginning; why a job failed is often said further behind.
  const hasWhy = jobs.some((job) => why(job) !== '');
  return [
    { title: 'JOB', cell: (job) => String(job.id), align: 'right' },
    { title: 'STATE', cell: (job) => paintState(job.state, paint, shortState(job)) },
    {
      title: 'NAME',
      cell: hasWhy && context.stdout.isTTY ? (job) => shorten(nameOf(job)) : nameOf,
      isFlexible: !hasWhy,
    },
    { title: 'KIND', cell: (job) => job.kind },
    { title: 'QUEUE', cell: (job) => job.queue ?? '' },
    { title: 'OWNER', cell: (job) => cleanText(job.owner) },
    { title: 'SUBMITTED', cell: (job) => time(job.submittedAt) },
    { title: 'TOOK', cell: (job) => runningTime(job, now) ?? '', align: 'right' },
    ...(hasWhy ? [{ title: 'WHY', cell: why, isFlexible: true }] : []),
  ];
}

/** What a job that did not succeed said of it, else what is known of its end. */
function why({ state, errorLine, message }: JobSummary): string {
  return state === 'succeeded' ? '' : cleanText(errorLine ?? message ?? '');
}

function shorten(name: string): string {
  return name.length <= 32 ? name : `${name.slice(0, 31)}…`;
}

export function registerJob(program: Command, context: CliContext): void {
  withServer(
    program
      .command('job <id>')
      .summary('show one job')
      .description(
        'Shows the whole record of a job, by number or uid: state, times, every try, what ran, its result.',
      ),
  )
    .addHelpText('after', examples('job 17', 'job 17 --json'))
    .action(async (id: string, options: ServerOptions, self: Command) => {
      const path = jobPath(id);
      const client = await connectFor(context, self);
      const job = await client.get<Job>(path);
      if (options.json) return printJson(context, job);
      const attempts = await client.get<{ items: Attempt[] }>(`${path}/attempts`);
      await print(context, describeJob(job, attempts.items, painter(context.stdout, context.env)));
    });
}
