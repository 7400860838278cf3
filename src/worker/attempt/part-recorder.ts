import type { AttemptKey } from '../../contract/attempt.ts';
import { delay } from '../../lib/delay.ts';
import { LateSignal } from '../../lib/late-signal.ts';
import type { NewPart, PartStore } from '../../domain/reports/part-ports.ts';

/** So many parts may wait to be stored; then whoever makes them waits, too. */
const mostWaiting = 500;

/** Parts made so soon after one another are stored together: a statement costs as much as twenty parts in it. */
const gatherMs = 20;

/** Stores the parts of an attempt, as many at once as there are, while the next ones are made. */
export class PartRecorder {
  readonly #attempt: AttemptKey & { kind: string };
  readonly #store: Pick<PartStore, 'append'>;
  readonly #persist: (action: () => Promise<void>) => Promise<unknown>;
  #waiting: NewPart[] = [];
  #storing: Promise<void> | undefined;
  readonly #closing = new LateSignal<'closed'>();
  #problem: Error | undefined;

  /** @param persist repeats the action while the database is away */
  constructor(
    attempt: AttemptKey & { kind: string },
    store: Pick<PartStore, 'append'>,
    persist: (action: () => Promise<void>) => Promise<unknown>,
  ) {
    this.#attempt = attempt;
    this.#store = store;
    this.#persist = persist;
  }

  /** Resolves when there is room for the next. @throws an error of the database that does not pass; after the close */
  async add(part: NewPart): Promise<void> {
    if (this.#closing.aborted) throw new Error('a part was reported after the end');
    this.#waiting.push(part);
    this.#storing ??= this.#storeAll();
    if (this.#waiting.length >= mostWaiting) await this.#storing;
    if (this.#problem) throw this.#problem;
  }

  /** Resolves when all are stored. @throws an error of the database that does not pass */
  async close(): Promise<void> {
    this.#closing.abort('closed');
    await this.#storing;
    if (this.#problem) throw this.#problem;
  }

  async #storeAll(): Promise<void> {
    try {
      while (this.#waiting.length > 0) {
        if (this.#waiting.length < mostWaiting) await delay(gatherMs, this.#closing.signal);
        const batch = this.#waiting.splice(0, mostWaiting);
        await this.#persist(() => this.#store.append(this.#attempt, this.#attempt.kind, batch));
      }
    } catch (error) {
      this.#problem = error instanceof Error ? error : new Error(String(error));
    }
    this.#storing = undefined;
  }
}
