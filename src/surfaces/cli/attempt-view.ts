import { z } from 'zod';
import type { Attempt } from '../../contract/job.ts';
import { cleanText } from './clean-text.ts';
import type { Paint } from './output.ts';
import { formatBytes } from '../../lib/size.ts';
import { formatFields } from './table.ts';
import { formatDuration, formatTime } from './time.ts';

export function describeAttempt(attempt: Attempt, paint: Paint): string[] {
  const { endedAt, launchedAt, claimedAt } = attempt;
  const message = attempt.message === null ? '' : `: ${cleanText(attempt.message)}`;
  const reason = attempt.reason === null ? '' : ` (${attempt.reason})`;
  const startedAt = launchedAt ?? claimedAt;
  const took = endedAt === null ? undefined : formatDuration(Date.parse(endedAt) - Date.parse(startedAt));
  const printed = attempt.stdoutBytes + attempt.stderrBytes;
  const late = attempt.lateResults.length;
  const lines = formatFields([
    ['state', `${attempt.state}${reason}${message}`],
    ['it said', attempt.errorLine === null ? undefined : cleanText(attempt.errorLine)],
    ['exit code', attempt.exitCode === null ? undefined : String(attempt.exitCode)],
    ['signal', attempt.signal ?? undefined],
    ['worker', attempt.worker === null ? undefined : cleanText(attempt.worker)],
    ['started', formatTime(startedAt)],
    ['took', took],
    ['waited', attempt.queueWaitMs === null ? undefined : formatDuration(attempt.queueWaitMs)],
    ['used', describeUse(attempt)],
    [
      'printed',
      printed === 0
        ? undefined
        : `${formatBytes(attempt.stdoutBytes)} stdout, ${formatBytes(attempt.stderrBytes)} stderr${describeRemoval(attempt)}`,
    ],
    ...describeProgram(attempt.program),
    ['late results', late === 0 ? undefined : `${late}, kept and not applied (see --json of the attempts)`],
  ]);
  return [paint('bold', `Attempt ${attempt.number}`), ...lines.map((line) => `  ${line}`)];
}

function describeRemoval({ outputRemoved }: Attempt): string {
  if (!outputRemoved) return '';
  return `; removed by rule ${cleanText(outputRemoved.rule)} on ${formatTime(outputRemoved.at)}`;
}

function describeUse({ cpuMs, maxRssBytes, readBytes, writtenBytes }: Attempt): string | undefined {
  const parts = [
    cpuMs === null ? null : `${formatDuration(cpuMs)} of CPU`,
    maxRssBytes === null ? null : `${formatBytes(maxRssBytes)} of memory`,
    readBytes === null ? null : `${formatBytes(readBytes)} read`,
    writtenBytes === null ? null : `${formatBytes(writtenBytes)} written`,
  ].filter((part) => part !== null);
  return parts.length === 0 ? undefined : parts.join(', ');
}

const program = z.object({ file: z.string(), args: z.array(z.string()), cwd: z.string() });

function describeProgram(recorded: unknown): [string, string | undefined][] {
  const { data } = program.safeParse(recorded);
  if (!data) return [];
  return [
    ['ran', describeCommand([data.file, ...data.args])],
    ['in', cleanText(data.cwd)],
  ];
}

/** As one would type it; what a shell would take apart stands in quotation marks. */
export function describeCommand(argv: readonly string[]): string {
  return argv
    .map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${cleanText(word).replaceAll("'", `'\\''`)}'`))
    .join(' ');
}
