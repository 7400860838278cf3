import type { JobSummary } from './job.ts';

/** Who a job is elsewhere: `slurm 4711`, `slurm@big 4711`; null: nobody, or just the number it has here. */
export function foreignName({
  id,
  foreign,
}: Pick<JobSummary, 'id'> & Partial<Pick<JobSummary, 'foreign'>>): string | null {
  if (!foreign || foreign.id === String(id)) return null;
  return `${foreign.source}${foreign.cluster === '' ? '' : `@${foreign.cluster}`} ${foreign.id}`;
}
