import {
  missedPolicies,
  overlapPolicies,
  type Blackout,
  type MissedPolicy,
  type OverlapPolicy,
  type Schedule,
} from '../../../../src/contract/schedule.ts';

/** What the form holds of a schedule, besides what it submits. */
export interface ScheduleDraft {
  name: string;
  note: string;
  cron: string;
  timezone: string;
  overlap: OverlapPolicy;
  missed: MissedPolicy;
  missedLimit: number;
  startsAt: string | null;
  endsAt: string | null;
  blackouts: Blackout[];
  jitterSeconds: number;
}

export function toScheduleDraft(schedule: Schedule | null): ScheduleDraft {
  return {
    name: schedule?.name ?? '',
    note: schedule?.note ?? '',
    cron: schedule?.cron ?? '0 3 * * *',
    timezone: schedule?.timezone ?? Intl.DateTimeFormat().resolvedOptions().timeZone,
    overlap: schedule?.overlap ?? 'skip',
    missed: schedule?.missed ?? 'once',
    missedLimit: schedule?.missedLimit ?? 100,
    startsAt: schedule?.startsAt ?? null,
    endsAt: schedule?.endsAt ?? null,
    blackouts: (schedule?.blackouts ?? []).map((one) => ({ ...one })),
    jitterSeconds: schedule?.jitterSeconds ?? 0,
  };
}

/** The part that says when. */
export function toTerms({
  name: _name,
  note: _note,
  ...terms
}: ScheduleDraft): Omit<ScheduleDraft, 'name' | 'note'> {
  return terms;
}

const overlapWords: Readonly<Record<OverlapPolicy, string>> = {
  skip: 'Skip the moment',
  queue: 'Queue behind it',
  replace: 'Cancel it, and run',
  allow: 'Run both',
};
export const overlapItems = overlapPolicies.map((value) => ({ value, label: overlapWords[value] }));

const missedWords: Readonly<Record<MissedPolicy, string>> = {
  skip: 'Leave them',
  once: 'Run once for all',
  all: 'Run each',
};
export const missedItems = missedPolicies.map((value) => ({ value, label: missedWords[value] }));

/** Rules that people mean most often. */
export const commonRules = [
  { label: 'every 5 minutes', cron: '*/5 * * * *' },
  { label: 'hourly', cron: '0 * * * *' },
  { label: 'nightly', cron: '0 3 * * *' },
  { label: 'weekdays', cron: '0 8 * * mon-fri' },
  { label: 'weekly', cron: '0 6 * * mon' },
  { label: 'monthly', cron: '0 6 1 * *' },
] as const;
