import type { Limits, LimitHit, WatchedLimit } from './protocol.ts';

/** What is held against the limits. */
export interface Usage {
  cpuMs: number;
  memoryBytes: number;
  processes: number;
  /** Of the process that has the most. */
  openFiles: number;
}

/** The first limit that is exceeded, and all that are near. A limit on open files is the kernel's to hold. */
export function judge(
  usage: Usage,
  limits: Limits,
  { warnAt, at }: { warnAt: number | null; at: number },
): { near: LimitHit[]; exceeded: LimitHit | null } {
  const hits: LimitHit[] = [];
  const add = (limit: WatchedLimit, value: number, max: number | undefined): void => {
    if (max !== undefined) hits.push({ limit, value, max, at });
  };
  add('memory', usage.memoryBytes, limits.memoryBytes);
  add('cpu', usage.cpuMs / 1000, limits.cpuSeconds);
  add('processes', usage.processes, limits.processes);
  add('open-files', usage.openFiles, limits.openFiles);
  return {
    near: warnAt === null ? [] : hits.filter(({ value, max }) => value >= warnAt * max),
    exceeded: hits.find(isExceeded) ?? null,
  };
}

function isExceeded({ limit, value, max }: LimitHit): boolean {
  if (limit === 'open-files') return false;
  return limit === 'cpu' ? value >= max : value > max;
}
