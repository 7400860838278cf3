import { performance } from 'node:perf_hooks';
import type { UrlPhases } from './contract/url-test.ts';
import { timedOut, toUrlFailure } from './failure.ts';
import type { LoopLag } from './loop-lag.ts';

/** Of a time that ran out, so much may be ours before it says nothing about the site. */
const mostLateShare = 0.25;

export interface TryClockOptions {
  totalMs: number;
  /** Of the job. `close` lets go of it. */
  signal: AbortSignal;
  lag: LoopLag;
}

/**
 * The time of one try, in all and phase by phase. One timer and one listener do for all its phases: thousands of tries
 * go by, and a signal with its listeners for each phase was a tenth of their cost.
 */
export class TryClock {
  readonly #startedMs = performance.now();
  readonly #totalMs: number;
  readonly #signal: AbortSignal;
  readonly #lag: LoopLag;
  readonly #lateBeforeMs: number;
  readonly #onStop = (): void => this.#interrupt?.(this.#signal.reason);
  #interrupt: ((reason: unknown) => void) | undefined;

  constructor({ totalMs, signal, lag }: TryClockOptions) {
    this.#totalMs = totalMs;
    this.#signal = signal;
    this.#lag = lag;
    this.#lateBeforeMs = lag.lateMs;
    signal.addEventListener('abort', this.#onStop);
  }

  get passedMs(): number {
    return sinceMs(this.#startedMs);
  }

  /** How much of that this machine stood still. */
  get lateMs(): number {
    return this.#lag.lateMs - this.#lateBeforeMs;
  }

  /** So much that what ran out of time may have been in time. */
  get wasKeptBusy(): boolean {
    return this.lateMs > this.passedMs * mostLateShare;
  }

  /** No phase may begin or go on: the whole time has run out, or the job was stopped. */
  get isOver(): boolean {
    return this.#signal.aborted || this.passedMs >= this.#totalMs;
  }

  /**
   * The action, as far as it settles within its limit and before the whole try is over; its time goes into `times`
   * either way. Whoever started something that can go on (a socket) ends it when this rejects.
   * @throws UrlFailure; the reason of the signal
   */
  async phase<T>(
    name: keyof UrlPhases,
    { times, limitMs }: { times: UrlPhases; limitMs: number },
    action: () => Promise<T>,
  ): Promise<T> {
    this.#signal.throwIfAborted();
    const startedMs = performance.now();
    const leftMs = Math.max(0, this.#totalMs - this.passedMs);
    const allowedMs = Math.min(limitMs, leftMs);
    let timer: NodeJS.Timeout | undefined;
    try {
      return await new Promise<T>((resolve, reject) => {
        this.#interrupt = reject;
        const giveUp = (): void => reject(timedOut(name, limitMs <= leftMs ? limitMs : this.#totalMs));
        // What has come by now is read first, however late we are.
        timer = setTimeout(() => setImmediate(giveUp), allowedMs);
        action().then(resolve, reject);
      });
    } catch (error) {
      throw this.#signal.aborted ? error : toUrlFailure(error, name);
    } finally {
      clearTimeout(timer);
      this.#interrupt = undefined;
      times[name] = sinceMs(startedMs);
    }
  }

  close(): void {
    this.#signal.removeEventListener('abort', this.#onStop);
  }
}

/** Milliseconds to the microsecond; more digits would only be noise. */
export function sinceMs(startedMs: number): number {
  return Math.round((performance.now() - startedMs) * 1000) / 1000;
}
