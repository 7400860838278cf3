import type { Bucket, Grouping } from '../../../../src/contract/stats.ts';

/** What charts count by, as people call it. */
export const groupingNames = {
  state: 'State',
  kind: 'Kind',
  owner: 'User',
  project: 'Project',
  queue: 'Queue',
  worker: 'Worker',
  reason: 'Failure reason',
} as const satisfies Record<Grouping, string>;

export const bucketNames = {
  hour: 'Hour',
  day: 'Day',
  week: 'Week',
  month: 'Month',
} as const satisfies Record<Bucket, string>;

/** A group as a legend names it. */
export function groupName(by: Grouping, { name, isRest }: { name: string | null; isRest: boolean }): string {
  if (isRest) return 'all others';
  if (name !== null) return name;
  return by === 'reason' ? 'did not fail' : `no ${groupingNames[by].toLowerCase()}`;
}
