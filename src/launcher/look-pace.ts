/** A look at all processes may take this part of the time. */
const restPart = 50;

/**
 * How long to rest after a look, so that looking takes a fiftieth of the time at most. The shorter of the last two
 * counts: a single slow one (cold code, another program on the processor) would leave every limit unwatched for seconds.
 */
export class LookPace {
  #lastMs = 0;

  /** @returns the rest, in milliseconds */
  after(tookMs: number): number {
    const usualMs = Math.min(tookMs, this.#lastMs);
    this.#lastMs = tookMs;
    return usualMs * restPart;
  }
}
