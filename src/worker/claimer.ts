import { backoffMs } from '../lib/backoff.ts';
import type { Logger } from '../lib/logger.ts';
import { delay } from '../lib/delay.ts';

export interface ClaimerOptions {
  /** Resolves with how many jobs it brought, once they have begun. */
  claim(limit: number): Promise<number>;
  slots: number;
  freeSlots(): number;
  /** A reason not to take work now, or null. */
  obstacle(): string | null;
  logger: Logger;
  /** How long a ring may be missed. */
  pollMs: number;
}

/** How long slots are gathered for one claim. */
const gatherMs = 5;

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
  /** The last claim brought all it asked for, so there is more than we can take. */
  #isBusy = false;
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

  /** There is more work than slots: a claim that goes with the end of attempts keeps them filled. */
  get isBusy(): boolean {
    return this.#isBusy;
  }

  /** Such a claim was answered. One that did not bring all it asked for leaves slots to us, and perhaps work. */
  answeredElsewhere(isFull: boolean): void {
    if (isFull) return;
    this.#isBusy = false;
    this.ring();
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
    const { freeSlots, obstacle, claim, pollMs } = this.#options;
    if (this.#isBusy) await this.#gatherSlots();
    const limit = freeSlots();
    if (limit <= 0) return this.#sleep(pollMs);
    if (!this.#mayHaveWork) {
      await this.#sleep(pollMs * (0.75 + Math.random() / 2));
      this.#mayHaveWork = true;
      return;
    }
    if (obstacle() !== null) return this.#sleep(pollMs);
    this.#mayHaveWork = false;
    this.#isBusy = (await claim(limit)) === limit;
    if (this.#isBusy) this.#mayHaveWork = true;
  }

  /**
   * While there is more work than slots, short jobs free them one by one; a claim for each would cost more than the
   * jobs. So a few are awaited, for a moment.
   */
  async #gatherSlots(): Promise<void> {
    const { slots, freeSlots } = this.#options;
    const wanted = Math.ceil(slots / 4);
    const until = performance.now() + gatherMs;
    for (let leftMs = gatherMs; leftMs > 0 && freeSlots() < wanted; leftMs = until - performance.now()) {
      if (this.#stopping.signal.aborted) return;
      await this.#sleep(leftMs);
    }
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
