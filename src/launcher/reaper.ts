import type { Libc } from './libc.ts';
import { toSignalName } from './signals.ts';
import type { Exit } from './spawner.ts';

const PR_SET_CHILD_SUBREAPER = 36;
const anyChild = -1;
const WNOHANG = 1;
/** In which rusage counts what went from and to storage. */
const blockBytes = 512;
/** SIGCHLD tells at once; this finds what a lost or merged signal would leave. */
const sweepMs = 500;

/** A start that is under way, by number: later ones have larger numbers. */
export type StartNumber = number;

interface EarlyExit {
  exit: Exit;
  /** The last start that was under way when it was seen. */
  by: StartNumber;
}

/**
 * Waits for all children of this process: the programs, and their orphans, which it adopts.
 *
 * A program is started on another thread, and may end before the event loop hears its number. So the exit of somebody
 * unknown is kept while starts are under way, by its number, for those starts alone:
 *
 * - one of them tells that number: the exit is its own. No later start can be meant, though the number is free again: it
 *   began after the exit was seen.
 * - all of them have told others: it was an orphan, or the process of a start that failed.
 */
export class Reaper {
  readonly #libc: Libc;
  readonly #running = new Map<number, (exit: Exit) => void>();
  /** In the order in which they were seen. */
  readonly #early = new Map<number, EarlyExit>();
  readonly #underWay = new Set<StartNumber>();
  #lastStart: StartNumber = 0;
  readonly #status = new Int32Array(1);
  readonly #usage = Buffer.alloc(256);
  readonly #reap = (): void => this.#reapEnded();
  #sweepTimer: NodeJS.Timeout | null = null;

  constructor(libc: Libc) {
    this.#libc = libc;
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    process.on('SIGCHLD', this.#reap);
  }

  /** Before the start is handed to another thread. */
  begin(): StartNumber {
    this.#lastStart += 1;
    this.#underWay.add(this.#lastStart);
    this.#sweepTimer ??= setInterval(this.#reap, sweepMs);
    return this.#lastStart;
  }

  failed(start: StartNumber): void {
    this.#settle(start);
  }

  /** @returns how the program has ended already; null: it is told later */
  started(start: StartNumber, pid: number, onExit: (exit: Exit) => void): Exit | null {
    const early = this.#early.get(pid);
    const isItsOwn = early !== undefined && early.by >= start;
    if (isItsOwn) this.#early.delete(pid);
    else this.#running.set(pid, onExit);
    this.#settle(start);
    return isItsOwn ? early.exit : null;
  }

  close(): void {
    process.off('SIGCHLD', this.#reap);
    if (this.#sweepTimer) clearInterval(this.#sweepTimer);
  }

  #settle(start: StartNumber): void {
    this.#underWay.delete(start);
    const [oldest = Infinity] = this.#underWay;
    for (const [pid, { by }] of this.#early) {
      if (by >= oldest) break;
      this.#early.delete(pid);
    }
  }

  #reapEnded(): void {
    for (;;) {
      const pid = this.#libc.wait4(anyChild, this.#status, WNOHANG, this.#usage);
      if (pid <= 0) break;
      const onExit = this.#running.get(pid);
      if (onExit) {
        this.#running.delete(pid);
        onExit(this.#readExit());
      } else if (this.#underWay.size > 0) {
        this.#early.delete(pid);
        this.#early.set(pid, { exit: this.#readExit(), by: this.#lastStart });
      }
    }
    if (this.#running.size + this.#underWay.size === 0 && this.#sweepTimer) {
      clearInterval(this.#sweepTimer);
      this.#sweepTimer = null;
    }
  }

  #readExit(): Exit {
    const status = this.#status[0] ?? 0;
    const signal = status & 0x7f;
    return {
      exitCode: signal === 0 ? (status >> 8) & 0xff : null,
      signal: signal === 0 ? null : toSignalName(signal),
      cpuUserMs: this.#usageMs(0),
      cpuSystemMs: this.#usageMs(16),
      maxRssBytes: knownMaxRss(Number(this.#usage.readBigInt64LE(32)) * 1024),
      readBytes: Number(this.#usage.readBigInt64LE(88)) * blockBytes,
      writtenBytes: Number(this.#usage.readBigInt64LE(96)) * blockBytes,
    };
  }

  /** A timeval of rusage: seconds and microseconds. */
  #usageMs(at: number): number {
    const seconds = Number(this.#usage.readBigInt64LE(at));
    return seconds * 1000 + Number(this.#usage.readBigInt64LE(at + 8)) / 1000;
  }
}

/**
 * Between vfork and exec the child counts with the launcher's own size, and the kernel keeps that maximum: what is not
 * above it says nothing of the program.
 */
function knownMaxRss(bytes: number): number {
  // It only grows, so what is not above an older figure needs no new one: most programs are smaller than we are.
  if (bytes <= ownMaxRssBytes) return 0;
  ownMaxRssBytes = process.resourceUsage().maxRSS * 1024;
  return bytes > ownMaxRssBytes ? bytes : 0;
}

let ownMaxRssBytes = 0;
