import type { Job } from '../../../../src/contract/job.ts';
import { duration } from '../../format/time.ts';

type Timed = Pick<Job, 'startedAt' | 'state' | 'usual'>;

/** Fewer runs, or jobs of the same kind alone, say nothing about one of them. */
const leastRuns = 5;

/** The usual time, where there is enough to tell it by. */
export function knownUsual({ usual }: Pick<Job, 'usual'>): NonNullable<Job['usual']> | null {
  return usual && usual.runs >= leastRuns && usual.alike !== 'kind' ? usual : null;
}

/** When a running job will have taken the usual time; null when that is not known, or has passed. */
export function usualEnd(job: Timed, nowMs: number): Date | null {
  const usual = knownUsual(job);
  if (!usual || job.state !== 'running' || job.startedAt === null) return null;
  const endMs = Date.parse(job.startedAt) + usual.medianMs;
  return endMs > nowMs ? new Date(endMs) : null;
}

/** Of a running job: that it takes longer than nearly all before it; null while it does not. */
export function slowWords(job: Timed, ranMs: number | null): string | null {
  const usual = knownUsual(job);
  if (!usual || job.state !== 'running' || ranMs === null || ranMs <= usual.p95Ms) return null;
  return `slower than usual (usually ${duration(usual.medianMs)})`;
}

/** Of an ended one: the usual time, and whether it took unusually long or short; null when that is not known. */
export function usualWords(job: Pick<Job, 'usual'>, ranMs: number | null): string | null {
  const usual = knownUsual(job);
  if (!usual || ranMs === null) return null;
  const compared = ranMs > usual.p95Ms ? 'slower' : ranMs < usual.p5Ms ? 'faster' : null;
  return `${duration(usual.medianMs)}${compared === null ? '' : `; this one was ${compared}`}`;
}
