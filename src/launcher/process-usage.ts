import { readFileSync, readdirSync } from 'node:fs';
import { readText } from './proc.ts';

/** What one process, and the children it waited for, used up to now. */
export interface ProcessUsage {
  cpuMs: number;
  memoryBytes: number;
  /** From and to storage. Null: not ours to read. */
  readBytes: number | null;
  writtenBytes: number | null;
}

const msPerTick = 10;

/** Null when the process is gone. */
export function readUsage(pid: number): ProcessUsage | null {
  const stat = readText(`/proc/${pid}/stat`);
  if (stat === null) return null;
  // Fields 14 to 17 and 24 of proc_pid_stat(5), counted behind the name.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const ticks = Number(fields[11]) + Number(fields[12]) + Number(fields[13]) + Number(fields[14]);
  const io = readText(`/proc/${pid}/io`);
  return {
    cpuMs: ticks * msPerTick,
    memoryBytes: Number(fields[21]) * pageBytes(),
    readBytes: member(io, /^read_bytes: (\d+)$/m),
    writtenBytes: member(io, /^write_bytes: (\d+)$/m),
  };
}

/** Resident bytes with shared pages counted in proportion; null when they cannot be read. */
export function readProportionalBytes(pid: number): number | null {
  const kib = member(readText(`/proc/${pid}/smaps_rollup`), /^Pss:\s+(\d+) kB$/m);
  return kib === null ? null : kib * 1024;
}

export function countOpenFiles(pid: number): number {
  try {
    return readdirSync(`/proc/${pid}/fd`).length;
  } catch {
    return 0; // ended meanwhile, or not ours to read
  }
}

function member(text: string | null, pattern: RegExp): number | null {
  const digits = text === null ? undefined : pattern.exec(text)?.[1];
  return digits === undefined ? null : Number(digits);
}

let knownPageBytes = 0;
function pageBytes(): number {
  if (knownPageBytes === 0) {
    const smaps = readFileSync('/proc/self/smaps', 'latin1');
    knownPageBytes = (member(smaps, /^KernelPageSize:\s+(\d+) kB$/m) ?? 4) * 1024;
  }
  return knownPageBytes;
}
