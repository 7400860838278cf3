import { momentsText } from '../../contract/moments-text.ts';
import type {
  CrontabImport,
  Occurrence,
  Schedule,
  SchedulePreview,
  ScheduleRun,
} from '../../contract/schedule.ts';
import { cleanText } from './clean-text.ts';
import type { CliContext } from './context.ts';
import { painter, print } from './output.ts';
import { describeOwner } from './owner-view.ts';
import { printTable } from './table.ts';
import { formatTime } from './time.ts';

export async function printSchedules(context: CliContext, schedules: readonly Schedule[]): Promise<void> {
  const paint = painter(context.stdout, context.env);
  await printTable(
    context,
    schedules,
    [
      { title: 'SCHEDULE', cell: ({ name }) => name },
      { title: 'RULE', cell: ({ cron }) => cleanText(cron) },
      { title: 'ZONE', cell: ({ timezone }) => cleanText(timezone) },
      {
        title: 'NEXT',
        cell: ({ paused, nextAt }) =>
          paused ? paint('yellow', 'paused') : nextAt === null ? 'never' : formatTime(nextAt),
      },
      { title: 'LAST', cell: ({ lastRun }) => (lastRun === null ? '-' : describeRun(lastRun)) },
      { title: 'OWNER', cell: (schedule) => describeOwner(schedule) },
      { title: 'NOTE', cell: ({ note }) => cleanText(note), isFlexible: true },
    ],
    { empty: 'There are no schedules.' },
  );
}

export async function printRuns(context: CliContext, runs: readonly ScheduleRun[]): Promise<void> {
  await printTable(
    context,
    runs,
    [
      { title: 'DUE', cell: ({ dueAt }) => formatTime(dueAt) },
      { title: 'OUTCOME', cell: describeRun },
      { title: 'ASKED BY', cell: ({ by }) => cleanText(by ?? '-') },
      { title: 'REMARK', cell: ({ message }) => cleanText(message ?? ''), isFlexible: true },
    ],
    { empty: 'Nothing was due yet.' },
  );
}

function describeRun({ outcome, moments, job }: ScheduleRun): string {
  if (job) return `job ${job.id} ${job.state}`;
  return moments === 1 ? outcome : `${outcome} (${momentsText(moments)})`;
}

export async function printPreview(
  context: CliContext,
  { next, clockChanges }: SchedulePreview,
): Promise<void> {
  const line = ({ local, isBlackedOut }: Occurrence): string =>
    `  ${local}${isBlackedOut ? '  blackout' : ''}`;
  const changes = clockChanges.flatMap(({ minutes, runs }) => [
    `Where the clocks are put ${minutes > 0 ? 'forward' : 'back'} by ${Math.abs(minutes)} minutes:`,
    ...(runs.length === 0 ? ['  nothing is due within three hours'] : runs.map(line)),
  ]);
  await print(
    context,
    ['Next:', ...(next.length === 0 ? ['  never'] : next.map(line)), ...changes].join('\n'),
  );
}

export async function printCrontab(
  context: CliContext,
  { items }: CrontabImport,
  { dryRun }: { dryRun: boolean },
): Promise<void> {
  const made = dryRun ? 'would be' : 'is';
  await printTable(
    context,
    items,
    [
      { title: 'LINE', cell: ({ line }) => String(line), align: 'right' },
      { title: 'TEXT', cell: ({ text }) => cleanText(text) },
      {
        title: 'SCHEDULE',
        cell: ({ name, problem }) =>
          name === null ? `none: ${cleanText(problem ?? '')}` : `${made} ${name}`,
        isFlexible: true,
      },
    ],
    { empty: 'It has no line that asks for anything.' },
  );
}
