import type { RetentionPreview, RetentionRule } from '../../../../src/contract/retention.ts';
import { size } from '../../format/size.ts';

/** `whole jobs that ended more than 90 days ago` */
export function toRuleWords({
  removes,
  olderThanDays,
}: Pick<RetentionRule, 'removes' | 'olderThanDays'>): string {
  const what = removes === 'job' ? 'whole jobs' : 'only the output of jobs';
  return `${what} that ended more than ${olderThanDays} ${olderThanDays === 1 ? 'day' : 'days'} ago`;
}

/** `12 jobs, 3.4 MiB of output` */
export function toRunWords({ jobs, outputBytes }: { jobs: number; outputBytes: number }): string {
  return `${jobs.toLocaleString('en')} ${jobs === 1 ? 'job' : 'jobs'}, ${size(outputBytes)} of output`;
}

/** `At least 5,000 jobs, 1.2 GiB of output` */
export function toPreviewWords(preview: RetentionPreview): string {
  return `${preview.isAtLeast ? 'At least ' : ''}${toRunWords(preview)}`;
}

/** `3 more are protected by keep` */
export function toKeptWords({ kept, keptIsAtLeast }: RetentionPreview): string {
  const count = `${keptIsAtLeast ? 'at least ' : ''}${kept.toLocaleString('en')}`;
  return `${count} more ${kept === 1 ? 'is' : 'are'} protected by keep`;
}
