import type { JobStore, Start } from '../../domain/jobs/ports.ts';
import type { Logger } from '../../lib/logger.ts';

/** Most programs are over before anybody could look; their start is recorded with their end. */
const afterMs = 40;
/** The record of a start is `afterMs` and this behind it at most. */
const everyMs = 10;

interface Waiting {
  start: Start;
  sinceMs: number;
  saving: Promise<boolean> | null;
}

/**
 * Lets the record show early what runs: those programs together that were started within a moment and still run a
 * moment later. After a power failure a program whose start stands nowhere is started again, so that moment is short.
 */
export class StartRecorder {
  readonly #store: Pick<JobStore, 'recordStarts'>;
  readonly #logger: Logger;
  /** In the order of their starts. */
  readonly #waiting = new Set<Waiting>();
  #timer: NodeJS.Timeout | undefined;

  constructor(store: Pick<JobStore, 'recordStarts'>, logger: Logger) {
    this.#store = store;
    this.#logger = logger;
  }

  /**
   * Records it soon.
   * @returns to be called at the end: takes it back unless that has begun; false: whoever ends the attempt records it
   */
  add(start: Start): () => Promise<boolean> {
    const one: Waiting = { start, sinceMs: performance.now(), saving: null };
    this.#waiting.add(one);
    this.#timer ??= setTimeout(() => this.#saveDue(), afterMs);
    return async () => {
      this.#waiting.delete(one);
      return one.saving ?? false;
    };
  }

  /** Records all that wait, as far as the store answers: their attempts are left to the next life of the worker. */
  async flush(): Promise<void> {
    clearTimeout(this.#timer);
    await this.#save([...this.#waiting]);
  }

  #saveDue(): void {
    const oldestMs = performance.now() - afterMs;
    void this.#save([...this.#waiting].filter(({ sinceMs }) => sinceMs <= oldestMs));
    this.#timer = this.#waiting.size > 0 ? setTimeout(() => this.#saveDue(), everyMs) : undefined;
  }

  #save(batch: readonly Waiting[]): Promise<unknown> {
    for (const one of batch) this.#waiting.delete(one);
    if (batch.length === 0) return Promise.resolve();
    const recorded = this.#store.recordStarts(batch.map(({ start }) => start)).catch((error: unknown) => {
      this.#logger.debug({ err: error }, 'Starts could not be recorded yet.');
      return batch.map(() => false);
    });
    for (const [index, one] of batch.entries())
      one.saving = recorded.then((answers) => answers[index] ?? false);
    return recorded;
  }
}
