import type { RetentionPreview, RetentionRule } from '../../../../src/contract/retention.ts';
import { size } from '../../format/size.ts';

type Removed = Pick<RetentionPreview, 'jobs' | 'outputBytes' | 'fileBytes'>;

/** `whole jobs that ended more than 90 days ago` */
export function toRuleWords({
  removes,
  olderThanDays,
}: Pick<RetentionRule, 'removes' | 'olderThanDays'>): string {
  const what = { job: 'whole jobs', output: 'only the output of jobs', files: 'only the files of jobs' }[
    removes
  ];
  return `${what} that ended more than ${olderThanDays} ${olderThanDays === 1 ? 'day' : 'days'} ago`;
}

/** `12 jobs, 3.4 MiB of output, 20 MiB of files` */
export function toRunWords({ jobs, outputBytes, fileBytes }: Removed): string {
  return [
    `${jobs.toLocaleString('en')} ${jobs === 1 ? 'job' : 'jobs'}`,
    ...(outputBytes > 0 || fileBytes === 0 ? [`${size(outputBytes)} of output`] : []),
    ...(fileBytes > 0 ? [`${size(fileBytes)} of files`] : []),
  ].join(', ');
}

/** `At least 5,000 jobs, 1.2 GiB of output would go now` */
export function toPreviewWords(preview: RetentionPreview): string {
  if (preview.jobs > 0) return `${preview.isAtLeast ? 'At least ' : ''}${toRunWords(preview)} would go now`;
  return preview.isAtLeast
    ? 'Nothing was found in the time there is; further on something may go'
    : 'Nothing would go now';
}

/** `3 more are protected by keep` */
export function toKeptWords({ kept, keptIsAtLeast }: RetentionPreview): string {
  const count = `${keptIsAtLeast ? 'at least ' : ''}${kept.toLocaleString('en')}`;
  return `${count} more ${kept === 1 ? 'is' : 'are'} protected by keep`;
}
