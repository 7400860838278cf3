import { listPids, readProcess, readText } from '../../../src/launcher/proc.ts';

const mebibyte = 1024 * 1024;

/** MiB at one moment; null where it was not asked, or the process was not there. */
export interface MemorySample {
  atMinutes: number;
  server: number | null;
  /** Of the server, after a garbage collection. */
  heap: number | null;
  launcher: number | null;
  /** All processes of the database, what they share counted once. */
  database: number | null;
}

export const measures = ['server', 'heap', 'launcher', 'database'] as const;
export type Measure = (typeof measures)[number];

/** Resident memory of a process. */
export function residentMib(pid: number): number | null {
  return readKib(`/proc/${pid}/status`, 'VmRSS');
}

/** Resident memory of a process and its children, shared pages divided among those who share them. */
export function proportionalMib(parent: number): number | null {
  const pids = [parent, ...childrenOf(parent)];
  return pids.reduce((sum, pid) => sum + (readKib(`/proc/${pid}/smaps_rollup`, 'Pss') ?? 0), 0);
}

export const toMib = (bytes: number): number => bytes / mebibyte;

/** Least squares through what was measured from a moment on: MiB a minute. */
export function slopeOf(samples: readonly MemorySample[], measure: Measure, fromMinutes: number): number {
  const points = samples.flatMap(({ atMinutes: x, [measure]: y }) =>
    y !== null && x >= fromMinutes ? [{ x, y }] : [],
  );
  const mean = (values: number[]): number => values.reduce((sum, one) => sum + one, 0) / values.length;
  const [meanX, meanY] = [mean(points.map(({ x }) => x)), mean(points.map(({ y }) => y))];
  const rise = points.reduce((sum, { x, y }) => sum + (x - meanX) * (y - meanY), 0);
  return rise / points.reduce((sum, { x }) => sum + (x - meanX) ** 2, 0);
}

/** One line for each so many minutes: the last of each measure in them. */
export function toTable(samples: readonly MemorySample[], everyMinutes: number): string {
  const parts = Map.groupBy(samples, ({ atMinutes }) => Math.ceil(atMinutes / everyMinutes));
  const rows = [...parts].map(([part, ofPart]) => [
    String(Math.min(part * everyMinutes, Math.round(ofPart.at(-1)?.atMinutes ?? 0))),
    ...measures.map(
      (measure) => ofPart.findLast((sample) => sample[measure] !== null)?.[measure]?.toFixed(1) ?? '-',
    ),
  ]);
  return [['minute', ...measures], ...rows]
    .map((row) => row.map((cell) => cell.padStart(9)).join(''))
    .join('\n');
}

function childrenOf(parent: number): number[] {
  return listPids().filter((pid) => readProcess(pid)?.parent === parent);
}

function readKib(file: string, name: string): number | null {
  const found = new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(readText(file) ?? '');
  return found ? Number(found[1]) / 1024 : null;
}
