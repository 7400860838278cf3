import type { JobTimes } from '../../../../src/contract/stats.ts';
import { duration } from '../../format/time.ts';

/** The bins of a distribution as people say them: `10 s – 30 s`. */
export function binTitles(edgesMs: readonly number[]): string[] {
  return [0, ...edgesMs].map((from, index) => {
    const to = edgesMs[index];
    if (to === undefined) return `${duration(from)} and longer`;
    return index === 0 ? `under ${duration(to)}` : `${duration(from)} – ${duration(to)}`;
  });
}

/** The columns worth showing: from the first to the last that has jobs. */
export function usedBins(groups: JobTimes['groups']): { first: number; last: number } {
  const used = (groups[0]?.bins ?? []).map((_, bin) => groups.some(({ bins }) => (bins[bin] ?? 0) > 0));
  return { first: Math.max(0, used.indexOf(true)), last: used.lastIndexOf(true) };
}
