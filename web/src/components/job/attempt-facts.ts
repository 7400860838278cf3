import type { Attempt } from '../../../../src/contract/job.ts';
import type { AttemptState } from '../../../../src/contract/states.ts';
import { size } from '../../format/size.ts';
import { duration, fullTime, shortTime } from '../../format/time.ts';
import type { Fact } from '../page/FactList.vue';
import { stateLooks, type Look } from './state-look.ts';

export const attemptLooks: Readonly<Record<AttemptState, Look>> = {
  ...stateLooks,
  released: { icon: 'i-lucide-undo-2', color: 'neutral' },
};

/** When and where it ran. */
export function toAttemptTimes(attempt: Attempt, nowMs: number): Fact[] {
  const moment = (label: string, at: string | null): Fact =>
    at
      ? { label, value: shortTime(at, nowMs, { bySecond: true }), title: fullTime(at) }
      : { label, value: null };
  return [
    { label: attempt.owner === 'slot' ? 'Worker' : 'Held by', value: attempt.worker },
    moment('Taken', attempt.claimedAt),
    moment('Started', attempt.launchedAt),
    moment('Ended', attempt.endedAt),
    { label: 'Waited', value: span(attempt.queueWaitMs) },
    { label: 'Ran', value: span(ranMs(attempt)) },
    // A little less: without fetching the script, and storing what it printed last.
    { label: 'Its program', value: attempt.launchedAt === null ? null : span(attempt.wallMs) },
  ];
}

function ranMs({ claimedAt, endedAt }: Attempt): number | null {
  return endedAt === null ? null : Date.parse(endedAt) - Date.parse(claimedAt);
}

/** How it ended and what it used. */
export function toAttemptUse(attempt: Attempt): Fact[] {
  const free = (kib: number | null): string | null => (kib === null ? null : size(1024 * kib));
  return [
    { label: 'Exit code', value: attempt.exitCode },
    { label: 'Signal', value: attempt.signal },
    { label: 'For a shell', value: attempt.retcode === attempt.exitCode ? null : attempt.retcode },
    { label: 'CPU time', value: span(attempt.cpuMs) },
    { label: 'Peak memory', value: bytes(attempt.maxRssBytes) },
    { label: 'Read', value: bytes(attempt.readBytes) },
    { label: 'Written', value: bytes(attempt.writtenBytes) },
    {
      label: 'Output',
      value: `${size(attempt.stdoutBytes)} stdout, ${size(attempt.stderrBytes)} stderr${removed(attempt)}`,
    },
    { label: 'Free before', value: free(attempt.freeBeforeKib) },
    { label: 'Free after', value: free(attempt.freeAfterKib) },
  ];
}

/** Behind the size of its output: that a rule took it. */
export function removed({ outputRemoved }: Pick<Attempt, 'outputRemoved'>): string {
  return outputRemoved ? `; removed by rule ${outputRemoved.rule}` : '';
}

function span(ms: number | null): string | null {
  return ms === null ? null : duration(ms);
}

function bytes(count: number | null): string | null {
  return count === null ? null : size(count);
}
