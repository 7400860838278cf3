import { chown, mkdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { attemptName, type AttemptId } from '../../contract/attempt.ts';
import { AppError } from '../../contract/errors.ts';
import type { Account } from '../../lib/file-access.ts';
import type { Logger } from '../../lib/logger.ts';
import { ForeignFolderError, OwnFolder } from '../../lib/own-folder.ts';
import { removeEmptyFolder } from '../../lib/remove.ts';

/** What jobs without files are shown as their input folder. */
const emptyName = 'none';

export interface AttemptFoldersOptions {
  /** Names the data directory, in the mark of the folder. */
  installation: string;
}

/**
 * Where attempts find the files of their job, and leave their own: two folders beside each other, so that a job without
 * files costs one `mkdir` before its program and one `rmdir` behind it. Together 0.1 ms of a core; a third folder
 * around them, or a look into the folder whether it is empty, would cost as much again.
 */
export class AttemptFolders {
  readonly #root: string;
  readonly #options: AttemptFoldersOptions;
  #own: Promise<OwnFolder> | undefined;

  constructor(root: string, options: AttemptFoldersOptions) {
    this.#root = root;
    this.#options = options;
  }

  inputs(attempt: AttemptId): string {
    return join(this.#root, `${attemptName(attempt)}.in`);
  }

  outputs(attempt: AttemptId): string {
    return join(this.#root, `${attemptName(attempt)}.out`);
  }

  get emptyInputs(): string {
    return join(this.#root, emptyName);
  }

  /** @throws AppError `configuration` when the folder around them holds what is not ours */
  async open(): Promise<void> {
    try {
      await this.#claim();
    } catch (error) {
      if (error instanceof ForeignFolderError)
        throw new AppError('configuration', error.message, { cause: error });
      throw error;
    }
    await mkdir(this.emptyInputs, { mode: 0o555 }).catch(unlessThere);
  }

  /** An empty folder for the files of a job. What an earlier life left under this name goes. */
  makeInputs(attempt: AttemptId): Promise<string> {
    return this.#make(this.inputs(attempt));
  }

  /**
   * An empty folder for what the program makes. What an earlier life left under this name goes.
   * @param owner whom the program runs as; null: as we
   */
  async makeOutputs(attempt: AttemptId, owner: Account | null): Promise<string> {
    const path = await this.#make(this.outputs(attempt));
    if (owner) await chown(path, owner.uid, owner.gid);
    return path;
  }

  /** True when it is gone now; false when something is in it. */
  removeEmptyOutputs(attempt: AttemptId): Promise<boolean> {
    return removeEmptyFolder(this.outputs(attempt));
  }

  removeInputs(attempt: AttemptId): Promise<void> {
    return this.#remove(this.inputs(attempt));
  }

  removeOutputs(attempt: AttemptId): Promise<void> {
    return this.#remove(this.outputs(attempt));
  }

  /** Removes what attempts left that this worker does not run. What cannot be removed is told, and keeps no start. */
  async sweep(running: readonly AttemptId[], logger: Logger): Promise<void> {
    const kept = new Set(
      running.flatMap((one) => [this.inputs(one), this.outputs(one)].map((path) => basename(path))),
    );
    const own = await this.#claim();
    for (const name of await own.list()) {
      if (name === emptyName || kept.has(name)) continue;
      await own.remove(name).catch((error: unknown) => {
        logger.warn(
          { folder: join(this.#root, name), problem: String(error) },
          'What an attempt left could not be removed.',
        );
      });
    }
  }

  async #make(path: string): Promise<string> {
    await mkdir(path, { mode: 0o700 }).catch(async (error: unknown) => {
      unlessThere(error);
      await this.#remove(path);
      await mkdir(path, { mode: 0o700 });
    });
    return path;
  }

  async #remove(path: string): Promise<void> {
    await (await this.#claim()).remove(basename(path));
  }

  #claim(): Promise<OwnFolder> {
    this.#own ??= OwnFolder.claim(this.#root, {
      purpose: 'attempts',
      owner: this.#options.installation,
      isOwnName: (name) => name === emptyName || /^\d+\.\d+\.(in|out)$/.test(name),
    });
    return this.#own;
  }
}

function unlessThere(error: unknown): void {
  if (codeOf(error) !== 'EEXIST') throw error;
}

export function codeOf(error: unknown): string | null {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : null;
}
