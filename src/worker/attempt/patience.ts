import { isAppError } from '../../contract/errors.ts';
import type { Logger } from '../../lib/logger.ts';
import { untilAnswered } from './until-answered.ts';

const isDatabaseAway = (error: unknown): boolean =>
  isAppError(error) && error.code === 'database_unavailable';

/** How long an attempt waits for a database that is away, by what it needs it for. */
export class Patience {
  readonly #stopping: AbortSignal;
  readonly #detached: AbortSignal;
  readonly #logger: Logger;

  /** @param signals `stopping`: the attempt is to end; `detached`: the worker lets go of it */
  constructor(signals: { stopping: AbortSignal; detached: AbortSignal }, logger: Logger) {
    this.#stopping = signals.stopping;
    this.#detached = signals.detached;
    this.#logger = logger;
  }

  /** What must be stored although the attempt is stopped; null when the worker lets go first. */
  persist<T>(action: () => Promise<T>): Promise<unknown> {
    return untilAnswered(action, {
      signal: this.#detached,
      isPassing: isDatabaseAway,
      onFailure: (error) => this.#logger.warn({ err: error }, 'Parts of an attempt could not be stored yet.'),
    });
  }

  /** What the start needs; null when the attempt is stopped first. */
  async lookUp<T>(action: () => Promise<T>): Promise<T | null> {
    const found = await untilAnswered(action, {
      signal: AbortSignal.any([this.#stopping, this.#detached]),
      isPassing: isDatabaseAway,
      onFailure: (error) => this.#logger.warn({ err: error }, 'An attempt waits for the database to start.'),
    });
    return found && found.answer;
  }

  /** The end waits for as long as it takes, whatever is wrong. False when the worker lets go first. */
  async untilDone(action: () => Promise<unknown>): Promise<boolean> {
    const done = await untilAnswered(action, {
      signal: this.#detached,
      onFailure: (error) => {
        if (!this.#detached.aborted)
          this.#logger.warn({ err: error }, 'The end of an attempt could not be stored yet.');
      },
    });
    return done !== null;
  }
}
