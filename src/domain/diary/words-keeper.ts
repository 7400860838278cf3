import { delay } from '../../lib/delay.ts';
import type { Logger } from '../../lib/logger.ts';
import type { Duty } from '../../lib/service.ts';
import type { WordStore } from './ports.ts';

const roundMs = 1_000;
const wordsAtOnce = 500;
const partitionsEveryRounds = 30;

/** Keeps the words that jobs are found by. Run by the leader, beside the sweeps: a round may take seconds. */
export class WordsKeeper implements Duty {
  readonly name = 'words';
  readonly #store: WordStore;
  readonly #logger: Logger;

  constructor(store: WordStore, logger: Logger) {
    this.#store = store;
    this.#logger = logger;
  }

  async run(signal: AbortSignal): Promise<void> {
    for (let round = 0; !signal.aborted; round += 1) {
      try {
        while (!signal.aborted && (await this.#store.indexDue(wordsAtOnce)) === wordsAtOnce);
        if (round % partitionsEveryRounds === 0) await this.#store.keepPartitions();
      } catch (error) {
        this.#logger.warn({ err: error }, 'The words of the search could not be kept; trying again.');
      }
      await delay(roundMs, signal);
    }
  }
}
