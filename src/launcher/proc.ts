import { readdirSync, readFileSync } from 'node:fs';
import { uptime } from 'node:os';
import { attemptTokenVariable, type StartTicks } from './protocol.ts';

export interface ProcessFacts {
  pid: number;
  isZombie: boolean;
  parent: number;
  group: number;
  session: number;
  /** Clock ticks (1/100 s) since boot. */
  startTicks: number;
}

/** Null when there is no such process, or no /proc. */
export function readProcess(pid: number): ProcessFacts | null {
  const stat = readText(`/proc/${pid}/stat`);
  if (stat === null) return null;
  // The name in parentheses may hold spaces and parentheses itself.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return {
    pid,
    isZombie: fields[0] === 'Z' || fields[0] === 'X',
    parent: Number(fields[1]),
    group: Number(fields[2]),
    session: Number(fields[3]),
    startTicks: Number(fields[19]),
  };
}

/** All processes; empty without /proc. */
export function listPids(): number[] {
  try {
    return readdirSync('/proc')
      .map(Number)
      .filter((pid) => pid > 0);
  } catch {
    return []; // no /proc on this system
  }
}

export function carriesToken(pid: number, token: string): boolean {
  const environ = readText(`/proc/${pid}/environ`);
  return environ !== null && `\0${environ}`.includes(`\0${attemptTokenVariable}=${token}\0`);
}

/** The process of that pid is the one that was started then, not a later one with the same number. */
export function isSameProcess(pid: number, started: StartTicks): boolean {
  const facts = readProcess(pid);
  return facts !== null && facts.startTicks >= started[0] && facts.startTicks <= started[1];
}

/**
 * Now, as the kernel stamps the start of processes. Taken before and after a spawn it bounds the start without
 * reading the new process's /proc entry, which costs ten times as much. The time of boot includes suspended time,
 * Node's clock does not, hence the calibration; a start within a second after waking up is not recognised later.
 */
export function bootTicks(): number {
  const now = performance.now();
  if (now - calibratedAt > 1_000) {
    calibratedAt = now;
    bootOffsetTicks = uptime() * 100 - now / 10;
  }
  return bootOffsetTicks + now / 10;
}

/** uptime() is cut to 1/100 s, so the true time may be one tick later than `bootTicks`. */
export function startTicksBetween(before: number, after: number): StartTicks {
  return [Math.floor(before), Math.ceil(after) + 1];
}

let calibratedAt = -Infinity;
let bootOffsetTicks = 0;

export function readBootId(): string {
  return readText('/proc/sys/kernel/random/boot_id')?.trim() ?? '';
}

export function readText(path: string): string | null {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return null; // ended meanwhile, or not ours to read
  }
}
