import type { JobSummary } from '../../../../src/contract/job.ts';
import { analyses, assessments, type JobState } from '../../../../src/contract/states.ts';

export type Color = 'success' | 'error' | 'info' | 'warning' | 'neutral' | 'primary';

export interface Look {
  icon: string;
  color: Color;
}

/** How each state looks, everywhere. Never the colour alone: icon and word say it, too. */
export const stateLooks: Readonly<Record<JobState, Look>> = {
  waiting: { icon: 'i-lucide-hourglass', color: 'warning' },
  scheduled: { icon: 'i-lucide-calendar-clock', color: 'neutral' },
  queued: { icon: 'i-lucide-clock', color: 'neutral' },
  running: { icon: 'i-lucide-loader-circle', color: 'info' },
  succeeded: { icon: 'i-lucide-circle-check', color: 'success' },
  failed: { icon: 'i-lucide-circle-x', color: 'error' },
  cancelled: { icon: 'i-lucide-circle-slash', color: 'neutral' },
  finished: { icon: 'i-lucide-circle-dot', color: 'neutral' },
  unknown: { icon: 'i-lucide-circle-help', color: 'warning' },
};

/** Written out, since a class that is put together while the page runs is not in the style sheet. */
export const textColors: Readonly<Record<Color, string>> = {
  success: 'text-success',
  error: 'text-error',
  info: 'text-info',
  warning: 'text-warning',
  neutral: 'text-muted',
  primary: 'text-primary',
};

export const toneColors = { good: 'success', warn: 'warning', bad: 'error' } as const;

export const assessmentLooks: Readonly<Record<NonNullable<JobSummary['assessment']>, Look>> = {
  ok: { icon: 'i-lucide-thumbs-up', color: 'success' },
  'not ok': { icon: 'i-lucide-thumbs-down', color: 'error' },
  issue: { icon: 'i-lucide-bug', color: 'warning' },
  other: { icon: 'i-lucide-message-circle', color: 'info' },
  obsolete: { icon: 'i-lucide-archive', color: 'neutral' },
};

/** The assessments as choices, in order. */
export const assessmentChoices = assessments.map((value) => ({
  value,
  label: value,
  ...assessmentLooks[value],
}));

export const analysisChoices = analyses.map((value) => ({ value, label: value }));

/** How long a job ran, or has run, in milliseconds; null before its first start. */
export function runMs(job: Pick<JobSummary, 'startedAt' | 'endedAt'>, nowMs: number): number | null {
  if (!job.startedAt) return null;
  return Math.max(0, (job.endedAt ? Date.parse(job.endedAt) : nowMs) - Date.parse(job.startedAt));
}
