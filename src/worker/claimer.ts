import type { ClaimedJob } from '../jobs/ports.ts';
import { backoffMs } from '../lib/backoff.ts';
import type { Logger } from '../lib/logger.ts';
import { delay } from '../lib/delay.ts';

export interface ClaimerOptions {
  claim(limit: number): Promise<ClaimedJob[]>;
  onClaimed(jobs: ClaimedJob[]): void;
  freeSlots(): number;
  /** A reason not to take work now, or null. */
  obstacle(): Promise<string | null>;
  logger: Logger;
  /** How long a ring may be missed. */
  pollMs: number;
}

const retry = { initialMs: 200, factor: 2, maxMs: 5_000 };

/**
 * Takes as many jobs as slots are free, whenever there may be some: after a ring, after a claim that brought all it
 * asked for, and now and then by itself. A ring during a claim is remembered, because the claim may just have missed
 * what it announced.
 */
export class Claimer {
  readonly #options: ClaimerOptions;
  readonly #stopping = new AbortController();
  #mayHaveWork = true;
  #wake: (() => void) | undefined;
  #loop: Promise<void> | undefined;

  constructor(options: ClaimerOptions) {
    this.#options = options;
  }

  start(): void {
    this.#loop ??= this.#run();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#wake?.();
    await this.#loop;
  }

  /** There may be work. */
  ring(): void {
    this.#mayHaveWork = true;
    this.#wake?.();
  }

  /** A slot is free again. */
  slotFreed(): void {
    if (this.#mayHaveWork) this.#wake?.();
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    for (let failures = 0; !signal.aborted;) {
      try {
        await this.#round();
        failures = 0;
      } catch (error) {
        failures += 1;
        this.#mayHaveWork = true;
        this.#options.logger.warn({ err: error }, 'Jobs could not be claimed; trying again.');
        await delay(backoffMs(failures, retry), signal);
      }
    }
  }

  async #round(): Promise<void> {
    const { freeSlots, obstacle, claim, onClaimed, pollMs } = this.#options;
    const limit = freeSlots();
    if (limit <= 0) return this.#sleep(pollMs);
    if (!this.#mayHaveWork) {
      await this.#sleep(pollMs * (0.75 + Math.random() / 2));
      this.#mayHaveWork = true;
      return;
    }
    if ((await obstacle()) !== null) return this.#sleep(pollMs);
    this.#mayHaveWork = false;
    const jobs = await claim(limit);
    if (jobs.length === limit) this.#mayHaveWork = true;
    if (jobs.length > 0) onClaimed(jobs);
  }

  #sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const finish = (): void => {
        clearTimeout(timer);
        this.#wake = undefined;
        resolve();
      };
      const timer = setTimeout(finish, ms);
      this.#wake = finish;
      if (this.#stopping.signal.aborted) finish();
    });
  }
}
