import { statSync } from 'node:fs';
import { AppError } from '../contract/errors.ts';
import type { Service } from '../lib/service.ts';

const lookEveryMs = 1_000;

/**
 * Watches that the data directory stays the one of the start. A disk that was unmounted, or a folder that was moved away
 * under a running server, would otherwise be taken for a place where nothing was ever stored, and begun anew.
 */
export class DataGuard implements Service {
  readonly name = 'data guard';
  readonly #directory: string;
  readonly #identity: string;
  readonly #lost = Promise.withResolvers<AppError>();
  #timer: NodeJS.Timeout | undefined;

  /** @param directory is there now */
  constructor(directory: string) {
    this.#directory = directory;
    this.#identity = identityOf(directory) ?? '';
  }

  /** Resolves when it is gone; never while it is there. */
  get lost(): Promise<AppError> {
    return this.#lost.promise;
  }

  async start(): Promise<void> {
    this.#timer = setInterval(() => {
      const problem = this.#problem();
      if (problem) this.#lost.resolve(problem);
    }, lookEveryMs);
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
  }

  /** @throws AppError when it is gone */
  async check(): Promise<void> {
    const problem = this.#problem();
    if (problem) throw problem;
  }

  #problem(): AppError | null {
    const now = identityOf(this.#directory);
    if (now === this.#identity) return null;
    const what = now === null ? 'is gone' : 'is another folder than at the start';
    return new AppError(
      'configuration',
      `The data directory ${this.#directory} ${what}: was its disk unmounted, or the folder moved? Put it back and start again. Nothing was made in its place.`,
    );
  }
}

/** Device and inode; null when nothing is there. */
function identityOf(directory: string): string | null {
  const facts = statSync(directory, { throwIfNoEntry: false, bigint: true });
  return facts ? `${facts.dev} ${facts.ino}` : null;
}
