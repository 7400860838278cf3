import type { Logger } from '../lib/logger.ts';
import { LookPace } from './look-pace.ts';
import type { OomKills } from './oom-kills.ts';
import type { Program } from './program.ts';
import { ProgramProcesses } from './program-processes.ts';

/** Programs that end sooner cost nothing here. */
const unwatchedMs = 1_000;
const idlePauseMs = 1_000;

export interface WatcherParts {
  programs(): Iterable<Program>;
  oomKills: OomKills;
  onNews(program: Program): void;
  logger: Logger;
}

/**
 * One timer for all programs. It looks at those with limits every 100 ms and more often near a limit, at the others
 * when their next sample is due, and at nothing while no program runs. Listing all processes takes some milliseconds
 * on a busy machine, so the pause is at least fifty times what looks take.
 */
export class Watcher {
  readonly #parts: WatcherParts;
  readonly #processes = new ProgramProcesses();
  readonly #pace = new LookPace();
  #timer: NodeJS.Timeout | null = null;
  #dueAt = Infinity;
  #restUntil = 0;

  constructor(parts: WatcherParts) {
    this.#parts = parts;
  }

  /** A program was started. */
  begun(program: Program): void {
    if (!this.#timer) this.#parts.oomKills.refresh();
    if (program.watch) this.#arm(performance.now() + 10);
    else if (!this.#timer) this.#arm(performance.now() + idlePauseMs);
  }

  close(): void {
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
  }

  #arm(at: number): void {
    const dueAt = Math.max(at, this.#restUntil);
    if (this.#timer && this.#dueAt <= dueAt) return;
    this.close();
    this.#dueAt = dueAt;
    this.#timer = setTimeout(() => this.#tick(), Math.max(1, dueAt - performance.now()));
  }

  #tick(): void {
    this.#timer = null;
    const now = performance.now();
    const running: Program[] = [];
    for (const program of this.#parts.programs()) if (program.isRunning) running.push(program);
    if (running.length === 0) return;
    this.#parts.oomKills.refresh();
    for (const program of running)
      if (!program.watch && Date.now() - program.startedAt >= unwatchedMs) program.beginWatch();
    const due = running.filter(({ watch }) => watch && watch.nextLook <= now);
    if (due.length > 0) this.#look(due, running, now);
    const next = running.map(({ watch }) => watch?.nextLook ?? Infinity);
    this.#arm(Math.min(now + idlePauseMs, ...next));
  }

  #look(due: readonly Program[], running: readonly Program[], now: number): void {
    try {
      const pids = this.#processes.find(running);
      for (const program of due) {
        const own = pids.get(program.pid) ?? [];
        if (program.watch?.look(own, now)) program.endForLimit(own);
        if (program.watch?.hasNews) this.#parts.onNews(program);
      }
    } catch (problem) {
      for (const { watch } of due) if (watch) watch.nextLook = now + idlePauseMs;
      this.#parts.logger.warn({ problem: String(problem) }, 'The use of programs could not be read.');
    }
    const end = performance.now();
    this.#restUntil = end + this.#pace.after(end - now);
  }
}
