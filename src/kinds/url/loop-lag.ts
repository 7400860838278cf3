import { performance } from 'node:perf_hooks';

const everyMs = 50;

/**
 * How long this thread was kept from its work, by its own load or that of the machine. What ran out of time while it
 * stood still says nothing about whoever was waited for.
 */
export class LoopLag {
  #pastMs = 0;
  #lastMs = performance.now();
  readonly #timer = setInterval(() => {
    this.#pastMs = this.lateMs;
    this.#lastMs = performance.now();
  }, everyMs).unref();

  /** In all since it began; a delay that goes on counts so far. */
  get lateMs(): number {
    return this.#pastMs + Math.max(0, performance.now() - this.#lastMs - everyMs);
  }

  close(): void {
    clearInterval(this.#timer);
  }
}
