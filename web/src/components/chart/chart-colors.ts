import type { JobState } from '../../../../src/contract/states.ts';

/** As in `state-look.ts`, with tints where several states have one colour there. */
const stateColors: Readonly<Record<JobState, string>> = {
  succeeded: 'var(--ui-color-success-600)',
  failed: 'var(--ui-color-error-600)',
  running: 'var(--ui-color-info-500)',
  waiting: 'var(--ui-color-warning-400)',
  queued: 'var(--ui-color-neutral-400)',
  scheduled: 'var(--ui-color-neutral-300)',
  cancelled: 'var(--ui-color-neutral-500)',
  finished: 'var(--chart-1)',
  unknown: 'var(--ui-color-warning-700)',
};

/** The colour of a group, as CSS. */
export function groupColor(
  by: string,
  { name, isRest }: { name: string | null; isRest: boolean },
  index: number,
): string {
  if (isRest) return 'var(--chart-rest)';
  if (by === 'state' && name !== null && Object.hasOwn(stateColors, name))
    return stateColors[name as JobState];
  return `var(--chart-${(index % 9) + 1})`;
}
