import { setTimeout as wait } from 'node:timers/promises';
import { isPassing } from './client.ts';
import { describeError } from './errors.ts';
import type { RunDelivery } from './run-delivery.ts';
import type { RunSpool } from './run-spool.ts';

export interface LiveDeliveryOptions {
  /** Somebody cancelled the job. */
  onCancel(): void;
  /** A sentence for the person. */
  onTrouble(text: string): void;
}

/** How long output may wait before people see it. */
const pauseMs = 200;
const longestPauseMs = 5_000;
/** How long the end of the command is held back for the delivery. */
const completeWithinMs = 10_000;
/** The same when no server answered all the while. */
const beginWithinMs = 2_000;

/**
 * Delivers while the command runs: what is printed, and a beat in between. A server that is away is tried again and
 * again; one that says no is not.
 */
export class LiveDelivery {
  readonly #delivery: RunDelivery;
  readonly #spool: RunSpool;
  readonly #options: LiveDeliveryOptions;
  readonly #givenUp = new AbortController();
  #loop: Promise<boolean> = Promise.resolve(false);
  #nextBeatMs = 0;
  #failures = 0;
  #wasCancelled = false;

  constructor(delivery: RunDelivery, spool: RunSpool, options: LiveDeliveryOptions) {
    this.#delivery = delivery;
    this.#spool = spool;
    this.#options = options;
  }

  get wasCancelled(): boolean {
    return this.#wasCancelled;
  }

  start(): void {
    this.#loop = this.#run();
  }

  /** After the end was recorded. False when it could not be delivered in time. */
  async complete(): Promise<boolean> {
    const ms = this.#delivery.begun ? completeWithinMs : beginWithinMs;
    const timer = setTimeout(() => this.#givenUp.abort(), ms);
    try {
      return await this.#loop;
    } finally {
      clearTimeout(timer);
    }
  }

  async #run(): Promise<boolean> {
    const { signal } = this.#givenUp;
    while (!signal.aborted) {
      try {
        if (await this.#step()) return true;
        this.#failures = 0;
      } catch (error) {
        if (!isPassing(error)) {
          this.#options.onTrouble(describeError(error).text);
          return false;
        }
        this.#failures += 1;
        if (this.#failures === 1 && this.#delivery.begun) {
          this.#options.onTrouble(
            'The server cannot be reached; output is kept here and delivered when it is back.',
          );
        }
      }
      await this.#pause();
    }
    return false;
  }

  /** True when the end is delivered. */
  async #step(): Promise<boolean> {
    await this.#delivery.begin();
    const hasEnded = this.#spool.record.end !== undefined;
    await this.#delivery.push();
    if (hasEnded) {
      const { reason } = await this.#delivery.finish();
      if (reason === 'lost') {
        this.#options.onTrouble(
          'The server had given this run up as lost; its end is kept there as a late result.',
        );
      }
      this.#spool.remove();
      return true;
    }
    if (performance.now() < this.#nextBeatMs) return false;
    const { cancelRequested } = await this.#delivery.beat();
    this.#nextBeatMs = performance.now() + (this.#delivery.begun?.beatSeconds ?? 1) * 1_000;
    if (cancelRequested && !this.#wasCancelled) {
      this.#wasCancelled = true;
      this.#options.onCancel();
    }
    return false;
  }

  async #pause(): Promise<void> {
    const ms = Math.min(longestPauseMs, pauseMs * 2 ** Math.min(10, this.#failures));
    await wait(ms, undefined, { signal: this.#givenUp.signal }).catch(() => {
      // Given up: the loop sees it.
    });
  }
}
