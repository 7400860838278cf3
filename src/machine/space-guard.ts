import { freeBytes } from '../lib/free-space.ts';
import type { Logger } from '../lib/logger.ts';
import type { Service } from '../lib/service.ts';

export interface SpaceGuardOptions {
  directories: readonly string[];
  /** Below this, in any of them, there is an obstacle. */
  leastBytes: number;
  /** The obstacle in words. */
  describe(freeMiB: number, leastMiB: number): string;
  /** Told of each look. */
  onLook?(obstacle: string | null): void;
  logger: Logger;
}

const lookEveryMs = 2_000;

/**
 * Keeps the last room of disks for what runs already: a database that cannot write its log any more stops, a program's
 * end that cannot be stored waits. So new work is refused before that, in words that name the figures. Whoever is about
 * to take work reads what the last look found: waiting for the disk would keep every job from its start.
 */
export class SpaceGuard implements Service {
  readonly name = 'space guard';
  readonly #options: SpaceGuardOptions;
  #timer: NodeJS.Timeout | undefined;
  #obstacle: string | null = null;

  constructor(options: SpaceGuardOptions) {
    this.#options = options;
  }

  /** Why nothing more is taken; null while there is room. */
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
    const { directories, leastBytes, describe, onLook, logger } = this.#options;
    const free = await Promise.all(directories.map(freeBytes));
    const least = Math.min(...free.map((bytes) => bytes ?? Infinity));
    const obstacle = least < leastBytes ? describe(toMiB(least), toMiB(leastBytes)) : null;
    if (obstacle !== null && this.#obstacle === null) logger.warn({}, obstacle);
    if (obstacle === null && this.#obstacle !== null) logger.info({}, 'There is room on the disk again.');
    this.#obstacle = obstacle;
    onLook?.(obstacle);
  }
}

function toMiB(bytes: number): number {
  return Math.floor(bytes / 1024 ** 2);
}
