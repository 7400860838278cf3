import type { Capsule } from '../../contract/capsule.ts';
import { formatBytes } from '../../lib/size.ts';
import { formatDuration } from './time.ts';

/** `80 MiB of memory, 10 s of CPU`; undefined for none. */
export function describeLimits(limits: Capsule['limits'] | null): string | undefined {
  if (!limits) return undefined;
  const { cpuSeconds, memoryBytes, processes, openFiles, outputBytes, timeoutSeconds } = limits;
  const parts = [
    timeoutSeconds === undefined ? null : formatDuration(timeoutSeconds * 1_000),
    cpuSeconds === undefined ? null : `${formatDuration(cpuSeconds * 1_000)} of CPU`,
    memoryBytes === undefined ? null : `${formatBytes(memoryBytes)} of memory`,
    processes === undefined ? null : `${processes} processes`,
    openFiles === undefined ? null : `${openFiles} open files`,
    outputBytes === undefined ? null : `${formatBytes(outputBytes)} of output`,
  ].filter((part) => part !== null);
  return parts.length === 0 ? undefined : parts.join(', ');
}
