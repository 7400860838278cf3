import type { Bell, JobStore } from './ports.ts';
import type { FileStore } from '../files/ports.ts';
import type { OutputStore } from '../output/ports.ts';
import { delay } from '../../lib/delay.ts';
import type { Logger } from '../../lib/logger.ts';
import type { Duty } from '../../lib/service.ts';

export interface HousekeeperOptions {
  store: JobStore;
  output: OutputStore;
  files: Pick<FileStore, 'removeUnnamed'>;
  bell: Bell;
  logger: Logger;
}

const sweepEveryMs = 1_000;
const sweepLimit = 1_000;
const settleEverySweeps = 5;
const orderEverySweeps = 5;
const tidyEverySweeps = 3_600;
const partitionMonths = 3;
const keepIdempotencyKeysMs = 7 * 86_400_000;
const keepUnnamedFilesMs = 86_400_000;

/** Brings due and unblocked jobs to their queues, and keeps the tables in order. Run by the leader. */
export class Housekeeper implements Duty {
  readonly name = 'housekeeper';
  readonly #options: HousekeeperOptions;

  constructor(options: HousekeeperOptions) {
    this.#options = options;
  }

  async run(signal: AbortSignal): Promise<void> {
    for (let sweeps = 0; !signal.aborted; sweeps += 1) {
      try {
        if (sweeps % tidyEverySweeps === 0) await this.#tidy();
        if (sweeps % settleEverySweeps === 0) await this.#settle();
        if (sweeps % orderEverySweeps === 0) await this.#keepInOrder();
        await this.sweep();
      } catch (error) {
        this.#options.logger.warn({ err: error }, 'A sweep failed; the next one tries again.');
      }
      await delay(sweepEveryMs, signal);
    }
  }

  async sweep(): Promise<void> {
    const { store, bell } = this.#options;
    const places = await store.sweep(sweepLimit);
    bell.ring(places);
    if (places.length > 0) bell.announce();
  }

  /** Whoever ends a job tells its dependants at once; this finds those whose news was lost with a process. */
  async #settle(): Promise<void> {
    const { store, bell, logger } = this.#options;
    const retries = await store.bringBackRetries();
    if (retries > 0)
      logger.warn({ retries }, 'Retries had been put off by a clock that was ahead; they are due now.');
    const { places, rejected } = await store.settleDependants({ of: null, limit: sweepLimit });
    bell.ring(places);
    if (places.length + rejected.length > 0) bell.announce();
  }

  async #keepInOrder(): Promise<void> {
    const { store, logger } = this.#options;
    const { lanes } = await store.keepInOrder();
    for (const lane of lanes)
      logger.warn(lane, 'The places taken of a limit were counted wrong; they are right now.');
  }

  async #tidy(): Promise<void> {
    await this.#options.output.preparePartitions(partitionMonths);
    await this.#options.store.forgetIdempotencyKeys(keepIdempotencyKeysMs);
    await this.#options.files.removeUnnamed(keepUnnamedFilesMs);
  }
}
