/**
 * Watches that bytes move. Time that the other side cannot help (a slow disk, a slow folder) does not count: the clock
 * runs only while we wait for the network.
 */
export class StallClock {
  readonly #limitMs: number;
  readonly #timer: NodeJS.Timeout;
  #waitsSince: number | null = null;

  /** @param onStalled after so many milliseconds without a byte; once */
  constructor(limitMs: number, onStalled: () => void) {
    this.#limitMs = limitMs;
    this.#timer = setInterval(
      () => {
        if (this.#waitsSince === null || performance.now() - this.#waitsSince < this.#limitMs) return;
        clearInterval(this.#timer);
        onStalled();
      },
      Math.min(1_000, Math.max(20, limitMs / 4)),
    );
  }

  /** Runs the clock, from zero, while the network is waited for. */
  async during<T>(wait: Promise<T>): Promise<T> {
    this.#waitsSince = performance.now();
    try {
      return await wait;
    } finally {
      this.#waitsSince = null;
    }
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
