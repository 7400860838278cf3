import type { Attempt, Job, JobSummary } from '../../contract/job.ts';
import { isEnded, type JobState } from '../../contract/states.ts';
import { describeAttempt } from './attempt-view.ts';
import { cleanText } from './clean-text.ts';
import { describeLimits } from './limits-view.ts';
import type { Paint } from './output.ts';
import { formatFields } from './table.ts';
import { formatAgo, formatDuration, formatTime } from './time.ts';

const stateStyles: Partial<Record<JobState, Parameters<Paint>[0]>> = {
  running: 'cyan',
  succeeded: 'green',
  failed: 'red',
  cancelled: 'yellow',
  unknown: 'yellow',
};

export function paintState(state: JobState, paint: Paint, text: string = state): string {
  const style = stateStyles[state];
  return style === undefined ? text : paint(style, text);
}

/** The state for a list: the word, and the reason or the progress. */
export function shortState(job: JobSummary): string {
  if (job.state === 'failed' && job.reason !== null) return `failed (${job.reason})`;
  if (job.state === 'running') {
    const fraction = job.progress?.fraction;
    if (job.cancelRequested) return 'running, to end';
    return fraction === null || fraction === undefined ? 'running' : `running ${formatPercent(fraction)}`;
  }
  return job.state;
}

/** The state in words: why, and until when. */
export function describeState(job: JobSummary, now: Date = new Date()): string {
  const message = job.message === null ? '' : `: ${cleanText(job.message)}`;
  switch (job.state) {
    case 'waiting':
      return job.blockedBy === null
        ? `waiting${message}`
        : `waiting for a place in ${cleanText(job.blockedBy)}`;
    case 'scheduled':
      return job.runAt === null
        ? `scheduled${message}`
        : `scheduled for ${formatTime(job.runAt)} (${formatAgo(job.runAt, now)})${message}`;
    case 'queued':
      return job.queue === null ? 'queued' : `queued in ${cleanText(job.queue)}${message}`;
    case 'running':
      return [`running${describeProgress(job)}`, ...(job.cancelRequested ? ['asked to end'] : [])].join(', ');
    case 'failed':
      return `failed${job.reason === null ? '' : ` (${job.reason})`}${message}`;
    case 'succeeded':
    case 'cancelled':
    case 'finished':
    case 'unknown':
      return `${job.state}${message}`;
  }
}

/** ` 42 % (step 3 of 7)`, or nothing when the job says nothing. */
export function describeProgress({ progress }: JobSummary): string {
  if (!progress) return '';
  const percent = progress.fraction === null ? '' : ` ${formatPercent(progress.fraction)}`;
  return progress.message === null ? percent : `${percent} (${cleanText(progress.message)})`;
}

function formatPercent(fraction: number): string {
  return `${Math.floor(fraction * 100)} %`;
}

/** How long the newest attempt ran, or runs already; undefined before it. */
export function runningTime(job: JobSummary, now: Date = new Date()): string | undefined {
  if (job.startedAt === null) return undefined;
  if (job.endedAt === null && job.state !== 'running') return undefined;
  const end = job.endedAt === null ? now.getTime() : Date.parse(job.endedAt);
  return formatDuration(end - Date.parse(job.startedAt));
}

/** The whole record, readable. */
export function describeJob(job: Job, attempts: readonly Attempt[], paint: Paint): string {
  const now = new Date();
  const heading = paint('bold', `Job ${job.id}  ${cleanText(job.name)}`);
  const lines = formatFields([
    ['state', paintState(job.state, paint, describeState(job, now))],
    ['it said', job.errorLine === null ? undefined : cleanText(job.errorLine)],
    ['verdict', describeVerdict(job)],
    ['analysis', job.analysis ?? undefined],
    ['assessment', describeAssessment(job, now)],
    ['warning', job.warnings.length === 0 ? undefined : job.warnings.map(cleanText).join(' ')],
    ['info', job.info === null ? undefined : cleanText(job.info)],
    ['summary', job.summary === null ? undefined : cleanText(job.summary)],
    ['base runs', list(job.baseRuns.map(describeBaseRun))],
    ['base run of', list(job.baseRunOf.map(String))],
    ['kind', job.kind],
    ['elsewhere', job.foreign ? cleanText(foreignText(job.foreign)) : undefined],
    ['owner', cleanText(job.owner)],
    ['queue', job.queue === null ? undefined : `${job.queue}, priority ${job.priority}`],
    ['labels', list(job.labels)],
    ['lanes', list(job.lanes)],
    ['project', job.project === null ? undefined : cleanText(job.project)],
    ['tags', list(job.tags)],
    ['kept', job.keep ? 'yes' : undefined],
    ['parent', job.parentId === null ? undefined : `job ${job.parentId}`],
    ['again of', job.againOf === null ? undefined : `job ${job.againOf}`],
    ['submitted', moment(job.submittedAt, now)],
    [
      'runs after',
      list(
        job.after.map(
          ({ jobId, mustSucceed, state }) =>
            `${jobId}${mustSucceed ? ' ok' : ''}${state === null ? '' : ` (${state})`}`,
        ),
      ),
    ],
    ['run at', job.runAt === null ? undefined : moment(job.runAt, now)],
    ['started', job.startedAt === null ? undefined : moment(job.startedAt, now)],
    ['ended', job.endedAt === null ? undefined : moment(job.endedAt, now)],
    ['took', isEnded(job.state) ? runningTime(job, now) : undefined],
    ['time limit', job.timeoutSeconds === null ? undefined : formatDuration(job.timeoutSeconds * 1_000)],
    ['tries', job.retry.attempts === 1 ? undefined : `${job.attempt} of at most ${job.retry.attempts}`],
    ['limits', describeLimits(job.limits)],
    ['nice', job.nice === null ? undefined : String(job.nice)],
    ['variables', job.env === null ? undefined : compact(job.env)],
    ['folder', job.workdir === null ? undefined : cleanText(job.workdir)],
    ['stdin', job.stdin === null ? undefined : compact(job.stdin)],
    ['uid', job.uid],
    ['asked', compact(job.input)],
    ['result', job.result === null || job.result === undefined ? undefined : compact(job.result)],
  ]);
  return [heading, ...lines, ...attempts.flatMap((attempt) => ['', ...describeAttempt(attempt, paint)])].join(
    '\n',
  );
}

function foreignText({ source, cluster, id }: NonNullable<Job['foreign']>): string {
  return `${id} of ${source}${cluster === '' ? '' : `, cluster ${cluster}`}`;
}

function describeVerdict({ verdict, kindVerdict }: Job): string | undefined {
  if (!verdict) return undefined;
  const text = `${cleanText(verdict.text)} (${verdict.tone})`;
  const isOverruled = kindVerdict && kindVerdict.text !== verdict.text;
  return isOverruled ? `${text}, in place of ${cleanText(kindVerdict.text)}` : text;
}

function describeAssessment({ assessment, assessed }: Job, now: Date): string | undefined {
  if (assessment === null || assessed === null) return assessment ?? undefined;
  return `${assessment}, by ${cleanText(assessed.by)}, ${moment(assessed.at, now)}`;
}

function describeBaseRun({ jobId, foreignId, assessment }: Job['baseRuns'][number]): string {
  const name = jobId === null ? cleanText(foreignId ?? '') : String(jobId);
  return assessment === null ? name : `${name} (${assessment})`;
}

function list(items: readonly string[]): string | undefined {
  return items.length === 0 ? undefined : items.map(cleanText).join(', ');
}

function moment(at: string, now: Date): string {
  const ago = formatAgo(at, now);
  const time = formatTime(at);
  return ago === time ? time : `${time} (${ago})`;
}

function compact(value: unknown): string {
  const text = cleanText(JSON.stringify(value) ?? '');
  return text.length > maxShown ? `${text.slice(0, maxShown)}… (--json shows all of it)` : text;
}

const maxShown = 2_000;
