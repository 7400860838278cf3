import { delay } from '../../lib/delay.ts';
import type { Logger } from '../../lib/logger.ts';
import type { Service } from '../../lib/service.ts';
import type { Home } from './ports.ts';

const everyMs = 60 * 60 * 1000;

/**
 * Sweeps home at the start, once an hour, and never twice at once. What a killed server was about to put under its name
 * is put there first thing, but nobody's start waits for it.
 */
export class HomeKeeper implements Service {
  readonly name = 'home';
  readonly #home: Pick<Home, 'sweep'>;
  readonly #logger: Logger;
  readonly #stopping = new AbortController();
  #sweeps: Promise<void> | undefined;

  constructor(home: Pick<Home, 'sweep'>, logger: Logger) {
    this.#home = home;
    this.#logger = logger;
  }

  async start(): Promise<void> {
    this.#sweeps = this.#keepSweeping();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#sweeps;
  }

  async #keepSweeping(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      await this.#home.sweep().catch((error: unknown) => {
        this.#logger.warn(
          { err: error },
          'The home directory could not be looked through for broken uploads.',
        );
      });
      await delay(everyMs, signal);
    }
  }
}
