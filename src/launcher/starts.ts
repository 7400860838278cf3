import { describeFileProblem } from '../lib/file-problem.ts';
import type { Journal } from './journal.ts';
import { bootTicks, startTicksBetween } from './proc.ts';
import type { Program } from './program.ts';
import type { StartRefused, StartTicks } from './protocol.ts';
import type { Exit, Spawned, Spawner, SpawnRequest } from './spawner.ts';

/** A program that is to be started. */
export interface Start {
  program: Program;
  request: SpawnRequest;
  /** Asked last: why it should not be started any more; null: it should. */
  obstacle(): StartRefused | null;
  onStarted(started: Started): void;
  onRefused(refusal: StartRefused): void;
}

export interface Started {
  spawned: Spawned;
  startedAt: number;
  startTicks: StartTicks;
  /** How it ended meanwhile; null: it runs. */
  exit: Exit | null;
}

export interface StartsParts {
  spawner: Spawner;
  journal: Journal;
}

/**
 * Between the wish to start a program and its number.
 *
 * All wishes of one turn of the event loop are noted down by one write of the journal, and only then begun, a few at a
 * time. Killed in between, we leave keys in the journal that may have been started: the next life looks for them by
 * their token.
 */
export class Starts {
  readonly #parts: StartsParts;
  /** To be noted down. */
  #wished: Start[] = [];
  #noted: Start[] = [];
  /** With the moment when each was begun, in ticks since boot. */
  readonly #underWay = new Map<Start, number>();
  #whenNone: (() => void)[] = [];

  constructor(parts: StartsParts) {
    this.#parts = parts;
  }

  /** Its listener hears of it after this turn of the event loop. */
  add(start: Start): void {
    if (this.#wished.push(start) === 1) setImmediate(() => this.#noteDown());
  }

  /** One was begun before that moment, in ticks since boot. */
  hasBegunBefore(ticks: number): boolean {
    return this.#underWay.values().some((beganAt) => Math.floor(beganAt) <= ticks);
  }

  /** Calls back when nothing waits or is under way: at once, if that is now. */
  whenNone(callback: () => void): void {
    this.#whenNone.push(callback);
    this.#tellIfNone();
  }

  #noteDown(): void {
    const starts = this.#wished;
    this.#wished = [];
    try {
      this.#parts.journal.willStart(starts.map(({ program }) => program));
      this.#noted.push(...starts);
    } catch (error) {
      const message = `The start could not be noted down first: ${reasonOf(error)}`;
      for (const start of starts) start.onRefused({ exitCode: 126, message });
    }
    this.#beginNext();
    this.#tellIfNone();
  }

  #beginNext(): void {
    while (this.#underWay.size < this.#parts.spawner.startsAtOnce) {
      const start = this.#noted.shift();
      if (!start) break;
      this.#begin(start);
    }
  }

  #begin(start: Start): void {
    const obstacle = start.obstacle();
    if (obstacle) return start.onRefused(obstacle);
    const beganAt = bootTicks();
    const startedAt = Date.now();
    this.#underWay.set(start, beganAt);
    const settle = (tell: () => void): void => {
      this.#underWay.delete(start);
      // A thread waits for the next.
      this.#beginNext();
      tell();
      this.#tellIfNone();
    };
    try {
      this.#parts.spawner.spawn(start.request, {
        onStarted: (spawned, exit) => {
          const startTicks = startTicksBetween(beganAt, bootTicks());
          settle(() => start.onStarted({ spawned, startedAt, startTicks, exit }));
        },
        onRefused: (refusal) => settle(() => start.onRefused(refusal)),
        onExit: (exit) => start.program.mainEnded(exit),
      });
    } catch (error) {
      this.#underWay.delete(start);
      start.onRefused({ exitCode: 126, message: `The launcher failed to start it: ${reasonOf(error)}` });
    }
  }

  #tellIfNone(): void {
    if (this.#wished.length + this.#noted.length + this.#underWay.size > 0) return;
    for (const callback of this.#whenNone.splice(0)) callback();
  }
}

function reasonOf(error: unknown): string {
  return describeFileProblem(error) ?? (error instanceof Error ? error.message : String(error));
}
