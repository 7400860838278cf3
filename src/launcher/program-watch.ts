import type { Cgroup } from './cgroup.ts';
import { judge, type Usage } from './limits.ts';
import { countOpenFiles, readProportionalBytes, readUsage } from './process-usage.ts';
import type { Isolation, LimitHit, OomKill, ProgramNews, UsageSample, WatchedLimit } from './protocol.ts';
import type { Exit } from './spawner.ts';

/** Without a limit a look serves the samples only. */
const firstPauseMs = 1_000;
const limitedPauseMs = 100;
/** Where one of its limits is near. */
const nearPauseMs = 20;
/**
 * The pause between samples is a second at first and then this part of the time the program runs already. So a run of
 * an hour has some 630 points, one of a month some 1900, and the beginning is shown as finely as the end of a short one.
 */
const pausePart = 180;

export type WatchTerms = Pick<Isolation, 'limits' | 'warnAt'>;

export const noTerms: WatchTerms = { limits: {}, warnAt: null };

/** What a watched program came to. */
export interface WatchEnd {
  cpuMs: number;
  peakMemoryBytes: number;
  readBytes: number | null;
  writtenBytes: number | null;
  exceeded: LimitHit | null;
  oomKill: OomKill | null;
}

/** Looks at all processes of one program now and then: its use over time, and how near its limits are. */
export class ProgramWatch {
  readonly cgroup: Cgroup | null;
  readonly #terms: WatchTerms;
  readonly #startedAt: number;
  readonly #near: LimitHit[] = [];
  readonly #samples: UsageSample[] = [];
  #last: UsageSample = { atMs: 0, cpuMs: 0, memoryBytes: 0, readBytes: null, writtenBytes: null };
  #peakMemoryBytes = 0;
  #exceeded: LimitHit | null = null;
  #nextSampleMs = firstPauseMs;
  #toldNear = 0;
  #toldSamples = 0;
  /** Of the monotonic clock. */
  nextLook = 0;

  constructor(terms: WatchTerms, startedAt: number, cgroup: Cgroup | null) {
    this.#terms = terms;
    this.#startedAt = startedAt;
    this.cgroup = cgroup;
  }

  get exceeded(): LimitHit | null {
    return this.#exceeded;
  }

  get hasLimits(): boolean {
    return Object.keys(this.#terms.limits).length > 0;
  }

  /** True: a limit is exceeded, for the first time. */
  look(pids: readonly number[], now: number): boolean {
    const at = Date.now();
    const usage = this.cgroup ? this.#readCgroup(this.cgroup, pids) : this.#readProcesses(pids);
    this.#keepSample(at - this.#startedAt);
    const { near, exceeded } = judge(usage, this.#terms.limits, { warnAt: this.#terms.warnAt, at });
    for (const hit of near) this.#warn(hit);
    this.nextLook = now + this.#pauseMs(near.length > 0);
    if (!exceeded || this.#exceeded) return false;
    this.#exceeded = exceeded;
    return true;
  }

  /** Once, after the main process was reaped. */
  end(exit: Exit): WatchEnd {
    const { limits } = this.#terms;
    const group = this.cgroup?.read() ?? null;
    const cpuMs = Math.max(exit.cpuUserMs + exit.cpuSystemMs, this.#last.cpuMs, group?.cpuMs ?? 0);
    const at = Date.now();
    const told = (limit: WatchedLimit, value: number, max: number | undefined): LimitHit | null =>
      max === undefined ? null : { limit, value, max, at };
    const peak = Math.max(this.#peakMemoryBytes, group?.peakMemoryBytes ?? 0);
    const largest = Math.max(peak, exit.maxRssBytes);
    const wasOom = (group?.oomKills ?? 0) > 0;
    const isOverCpu =
      limits.cpuSeconds !== undefined && (exit.signal === 'SIGXCPU' || cpuMs >= limits.cpuSeconds * 1000);
    this.#exceeded ??=
      (wasOom || largest > (limits.memoryBytes ?? Infinity)
        ? told('memory', largest, limits.memoryBytes)
        : null) ??
      (isOverCpu ? told('cpu', cpuMs / 1000, limits.cpuSeconds) : null) ??
      ((group?.refusedForks ?? 0) > 0 ? told('processes', limits.processes ?? 0, limits.processes) : null);
    if (this.#exceeded && this.#terms.warnAt !== null) this.#warn(this.#exceeded);
    return {
      cpuMs,
      peakMemoryBytes: peak,
      readBytes: larger(exit.readBytes, larger(this.#last.readBytes, group?.readBytes ?? null)),
      writtenBytes: larger(exit.writtenBytes, larger(this.#last.writtenBytes, group?.writtenBytes ?? null)),
      exceeded: this.#exceeded,
      oomKill: wasOom ? 'program' : null,
    };
  }

  /** What was not told yet; null when there is nothing. */
  takeNews(): ProgramNews | null {
    const near = this.#near.slice(this.#toldNear);
    const firstSample = this.#toldSamples;
    const samples = this.#samples.slice(firstSample);
    if (near.length + samples.length === 0) return null;
    this.#toldNear = this.#near.length;
    this.#toldSamples = this.#samples.length;
    return { near, firstSample, samples };
  }

  get hasNews(): boolean {
    return this.#toldNear < this.#near.length || this.#toldSamples < this.#samples.length;
  }

  /** Tells everything once more. */
  rewind(): void {
    this.#toldNear = 0;
    this.#toldSamples = 0;
  }

  #readProcesses(pids: readonly number[]): Usage {
    const { limits, warnAt } = this.#terms;
    const now: UsageSample = { atMs: 0, cpuMs: 0, memoryBytes: 0, readBytes: null, writtenBytes: null };
    let openFiles = 0;
    for (const pid of pids) {
      const usage = readUsage(pid);
      if (!usage) continue;
      now.cpuMs += usage.cpuMs;
      now.memoryBytes += usage.memoryBytes;
      now.readBytes = sum(now.readBytes, usage.readBytes);
      now.writtenBytes = sum(now.writtenBytes, usage.writtenBytes);
      if (limits.openFiles !== undefined) openFiles = Math.max(openFiles, countOpenFiles(pid));
    }
    // Pages that processes share count several times in this sum. Near a limit the exact figure is worth its price:
    // the kernel walks all page tables for it.
    const { memoryBytes: max } = limits;
    if (max !== undefined && pids.length > 1 && now.memoryBytes >= (warnAt ?? 1) * max)
      now.memoryBytes = proportionalSum(pids) ?? now.memoryBytes;
    this.#keep(now);
    return { ...this.#last, memoryBytes: now.memoryBytes, processes: pids.length, openFiles };
  }

  #readCgroup(group: Cgroup, pids: readonly number[]): Usage {
    const reading = group.read();
    this.#keep({ ...reading, atMs: 0 });
    const openFiles =
      this.#terms.limits.openFiles === undefined ? 0 : Math.max(0, ...pids.map(countOpenFiles));
    return { ...reading, openFiles };
  }

  /** What was used does not become less because a process that nobody waited for is gone. */
  #keep(now: UsageSample): void {
    this.#last = {
      atMs: 0,
      cpuMs: Math.max(now.cpuMs, this.#last.cpuMs),
      memoryBytes: now.memoryBytes,
      readBytes: larger(now.readBytes, this.#last.readBytes),
      writtenBytes: larger(now.writtenBytes, this.#last.writtenBytes),
    };
    this.#peakMemoryBytes = Math.max(this.#peakMemoryBytes, now.memoryBytes);
  }

  #keepSample(atMs: number): void {
    if (atMs < this.#nextSampleMs) return;
    this.#samples.push({ ...this.#last, atMs });
    this.#nextSampleMs = atMs + Math.max(firstPauseMs, atMs / pausePart);
  }

  #warn(hit: LimitHit): void {
    if (!this.#near.some(({ limit }) => limit === hit.limit)) this.#near.push(hit);
  }

  #pauseMs(isNear: boolean): number {
    const toSample = Math.max(10, this.#startedAt + this.#nextSampleMs - Date.now());
    if (!this.hasLimits) return toSample;
    // In a group of its own the kernel holds memory and processes.
    if (this.cgroup) return Math.min(toSample, firstPauseMs);
    return isNear ? nearPauseMs : Math.min(toSample, limitedPauseMs);
  }
}

function sum(a: number | null, b: number | null): number | null {
  return a === null ? b : a + (b ?? 0);
}

function larger(a: number | null, b: number | null): number | null {
  return a === null || b === null ? (a ?? b) : Math.max(a, b);
}

function proportionalSum(pids: readonly number[]): number | null {
  let total = 0;
  for (const pid of pids) {
    const bytes = readProportionalBytes(pid);
    if (bytes === null) return null;
    total += bytes;
  }
  return total;
}
