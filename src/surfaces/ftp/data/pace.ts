import { delay } from '../../../lib/delay.ts';

/** Longer ones would look like a broken connection. */
const longestWaitMs = 1_000;

/** Holds a transfer to a rate. */
export class Pace {
  readonly #bytesPerSecond: number;
  #startedAt = performance.now();
  #bytes = 0;

  /** @param bytesPerSecond 0: as fast as it goes */
  constructor(bytesPerSecond: number) {
    this.#bytesPerSecond = bytesPerSecond;
  }

  /** Resolves when so many more bytes are due. */
  async take(bytes: number): Promise<void> {
    if (this.#bytesPerSecond === 0) return;
    this.#bytes += bytes;
    const dueMs = this.#startedAt + (this.#bytes / this.#bytesPerSecond) * 1_000;
    for (let left = dueMs - performance.now(); left > 0; left = dueMs - performance.now())
      await delay(Math.min(left, longestWaitMs));
  }
}
