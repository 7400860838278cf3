import { isAppError } from '../../contract/errors.ts';
import type { Detached, StopCause } from '../../domain/jobs/kind-ports.ts';
import type { Logger } from '../../lib/logger.ts';
import { LateSignal } from '../../lib/late-signal.ts';
import { untilAnswered } from './until-answered.ts';

const isDatabaseAway = (error: unknown): boolean =>
  isAppError(error) && error.code === 'database_unavailable';

/**
 * What interrupts an attempt: it is stopped for a cause, or the worker lets go of it and leaves its program to the next
 * life. By that, how long it waits for a database that is away.
 */
export class Interrupts {
  readonly #stopping = new LateSignal<StopCause>();
  readonly #logger: Logger;
  #graceMs: number | null = null;
  #signal: AbortSignal | null = null;
  /** Aborted when the worker lets go. */
  readonly detached = new LateSignal<Detached>();

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** Whether it is to end, or the worker lets go. */
  get aborted(): boolean {
    return this.#stopping.aborted || this.detached.aborted;
  }

  /** Aborted by either; its reason is a `StopCause` or `Detached`. */
  get signal(): AbortSignal {
    this.#signal ??= AbortSignal.any([this.#stopping.signal, this.detached.signal]);
    return this.#signal;
  }

  /** Why it is to end; null: it is not. */
  get cause(): StopCause | null {
    return this.#stopping.reason;
  }

  /** How long the cause gives its program to end by itself; null: as long as the worker does. */
  get graceMs(): number | null {
    return this.#graceMs;
  }

  /** False when it was stopped before: the first cause counts. */
  stop(cause: StopCause, graceMs: number | null = null): boolean {
    if (this.#stopping.aborted) return false;
    this.#graceMs = graceMs;
    this.#stopping.abort(cause);
    return true;
  }

  detach(): void {
    this.detached.abort('detached');
  }

  /** What must be stored although the attempt is stopped; null when the worker lets go first. */
  persist<T>(action: () => Promise<T>): Promise<unknown> {
    return untilAnswered(action, {
      until: this.detached,
      isPassing: isDatabaseAway,
      onFailure: (error) => this.#logger.warn({ err: error }, 'Parts of an attempt could not be stored yet.'),
    });
  }

  /** What the start needs; null when the attempt is interrupted first. */
  async lookUp<T>(action: () => Promise<T>): Promise<T | null> {
    const found = await untilAnswered(action, {
      until: this,
      isPassing: isDatabaseAway,
      onFailure: (error) => this.#logger.warn({ err: error }, 'An attempt waits for the database to start.'),
    });
    return found && found.answer;
  }

  /** The end waits for as long as it takes, whatever is wrong. False when the worker lets go first. */
  async untilDone(action: () => Promise<unknown>): Promise<boolean> {
    const done = await untilAnswered(action, {
      until: this.detached,
      onFailure: (error) => {
        if (!this.detached.aborted)
          this.#logger.warn({ err: error }, 'The end of an attempt could not be stored yet.');
      },
    });
    return done !== null;
  }
}
