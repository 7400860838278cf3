import { isAppError } from '../../contract/errors.ts';
import type { Detached, StopCause } from '../../domain/jobs/kind-ports.ts';
import type { Logger } from '../../lib/logger.ts';
import { untilAnswered } from './until-answered.ts';

const isDatabaseAway = (error: unknown): boolean =>
  isAppError(error) && error.code === 'database_unavailable';

/**
 * What interrupts an attempt: it is stopped for a cause, or the worker lets go of it and leaves its program to the next
 * life. By that, how long it waits for a database that is away.
 */
export class Interrupts {
  readonly #stopping = new AbortController();
  readonly #detaching = new AbortController();
  readonly #logger: Logger;
  #graceMs: number | null = null;
  /** Aborted when the worker lets go. */
  readonly detached = this.#detaching.signal;
  /** Aborted by either; its reason is a `StopCause` or `Detached`. */
  readonly signal = AbortSignal.any([this.#stopping.signal, this.#detaching.signal]);

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** Why it is to end; null: it is not. */
  get cause(): StopCause | null {
    const { signal } = this.#stopping;
    return signal.aborted ? (signal.reason as StopCause) : null;
  }

  /** How long the cause gives its program to end by itself; null: as long as the worker does. */
  get graceMs(): number | null {
    return this.#graceMs;
  }

  /** False when it was stopped before: the first cause counts. */
  stop(cause: StopCause, graceMs: number | null = null): boolean {
    if (this.#stopping.signal.aborted) return false;
    this.#graceMs = graceMs;
    this.#stopping.abort(cause);
    return true;
  }

  detach(): void {
    this.#detaching.abort('detached' satisfies Detached);
  }

  /** What must be stored although the attempt is stopped; null when the worker lets go first. */
  persist<T>(action: () => Promise<T>): Promise<unknown> {
    return untilAnswered(action, {
      signal: this.detached,
      isPassing: isDatabaseAway,
      onFailure: (error) => this.#logger.warn({ err: error }, 'Parts of an attempt could not be stored yet.'),
    });
  }

  /** What the start needs; null when the attempt is interrupted first. */
  async lookUp<T>(action: () => Promise<T>): Promise<T | null> {
    const found = await untilAnswered(action, {
      signal: this.signal,
      isPassing: isDatabaseAway,
      onFailure: (error) => this.#logger.warn({ err: error }, 'An attempt waits for the database to start.'),
    });
    return found && found.answer;
  }

  /** The end waits for as long as it takes, whatever is wrong. False when the worker lets go first. */
  async untilDone(action: () => Promise<unknown>): Promise<boolean> {
    const done = await untilAnswered(action, {
      signal: this.detached,
      onFailure: (error) => {
        if (!this.detached.aborted)
          this.#logger.warn({ err: error }, 'The end of an attempt could not be stored yet.');
      },
    });
    return done !== null;
  }
}
