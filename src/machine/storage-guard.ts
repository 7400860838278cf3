import { freeBytes } from '../lib/free-space.ts';
import type { Logger } from '../lib/logger.ts';
import type { Service } from '../lib/service.ts';

export interface StorageGuardOptions {
  /** Where the embedded database and the launcher write. */
  directories: readonly string[];
  /** Below this nothing more is accepted. */
  leastBytes: number;
  logger: Logger;
}

const lookEveryMs = 2_000;

/**
 * Keeps the last room of a disk for what runs already: a database that cannot write its log any more stops, a program's
 * end that cannot be stored waits. So new work is refused before that, in words that name the figures.
 */
export class StorageGuard implements Service {
  readonly name = 'storage guard';
  readonly #options: StorageGuardOptions;
  #timer: NodeJS.Timeout | undefined;
  #obstacle: string | null = null;

  constructor(options: StorageGuardOptions) {
    this.#options = options;
  }

  /** Why nothing more is accepted; null while there is room. */
  get obstacle(): string | null {
    return this.#obstacle;
  }

  async start(): Promise<void> {
    await this.#look();
    this.#timer = setInterval(() => void this.#look(), lookEveryMs);
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
  }

  async #look(): Promise<void> {
    const { directories, leastBytes, logger } = this.#options;
    const free = await Promise.all(directories.map(freeBytes));
    const least = Math.min(...free.map((bytes) => bytes ?? Infinity));
    const obstacle =
      least < leastBytes
        ? `Only ${toMiB(least)} MiB are free on the disk of the server; below ${toMiB(leastBytes)} MiB nothing more is accepted.`
        : null;
    if (obstacle !== null && this.#obstacle === null) logger.warn({}, obstacle);
    if (obstacle === null && this.#obstacle !== null) logger.info({}, 'There is room on the disk again.');
    this.#obstacle = obstacle;
  }
}

function toMiB(bytes: number): number {
  return Math.floor(bytes / 1024 ** 2);
}
