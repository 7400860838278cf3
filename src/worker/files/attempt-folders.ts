import { lstatSync, readdirSync } from 'node:fs';
import { chown, mkdir, rename } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { attemptName, type AttemptId } from '../../contract/attempt.ts';
import { AppError } from '../../contract/errors.ts';
import type { Account } from '../../lib/file-access.ts';
import type { Logger } from '../../lib/logger.ts';
import { ForeignFolderError, OwnFolder } from '../../lib/own-folder.ts';
import { removeEmptyFolder } from '../../lib/remove.ts';

/** What jobs without files are shown as their input folder. */
const emptyName = 'none';

const folderMode = 0o700;

/** Of a folder without many entries, on every file system. */
const smallBytes = 4_096;

/** For so long an empty folder waits for an attempt to come. */
const spareMs = 1_000;

/** More empty folders are not kept for attempts to come; each owner's are their own. */
const mostSpare = 1_000;

export interface AttemptFoldersOptions {
  /** Names the data directory, in the mark of the folder. */
  installation: string;
}

/**
 * Where attempts find the files of their job, and leave their own: two folders beside each other, so that a job without
 * files has one. Where nothing was left in it, it is named anew for an attempt to come of the same owner: to make and
 * to remove a folder costs the file system ten to thirty times as much. Whatever a program left behind has ended by
 * then, or it might write into the folder of another.
 */
export class AttemptFolders {
  readonly #root: string;
  readonly #options: AttemptFoldersOptions;
  #own: Promise<OwnFolder> | undefined;
  /** Empty folders of attempts that are over, with their owners. */
  readonly #spare = new Map<string, string>();
  #sparesGo: NodeJS.Timeout | undefined;

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
    const path = this.outputs(attempt);
    this.#spare.delete(path);
    if (await this.#takeSpare(path, owner)) return path;
    await this.#make(path);
    if (owner) await chown(path, owner.uid, owner.gid);
    return path;
  }

  /** False when something is in it. */
  async dropEmptyOutputs(attempt: AttemptId): Promise<boolean> {
    const path = this.outputs(attempt);
    const facts = lstatSync(path, { throwIfNoEntry: false });
    if (!facts) return true;
    const { mode, size } = facts;
    const isAsMade = facts.isDirectory() && (mode & 0o7777) === folderMode && size <= smallBytes;
    if (!isAsMade || this.#spare.size >= mostSpare) return removeEmptyFolder(path);
    // Without a wait: of a folder that was made just now the little there is to read is in memory.
    if (readdirSync(path).length > 0) return false;
    this.#spare.set(path, ownerKey(facts));
    if (!this.#sparesGo) this.#sparesGo = setTimeout(() => void this.#dropSpares(), spareMs).unref();
    return true;
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

  /** False when there is none of this owner, or something stands in its way. */
  async #takeSpare(path: string, owner: Account | null): Promise<boolean> {
    const key = ownerKey(owner ?? ourselves());
    for (const [spare, of] of this.#spare) {
      if (of !== key) continue;
      this.#spare.delete(spare);
      return rename(spare, path).then(
        () => true,
        () => false,
      );
    }
    return false;
  }

  /** What cannot be removed now goes with the next start. */
  async #dropSpares(): Promise<void> {
    this.#sparesGo = undefined;
    const paths = [...this.#spare.keys()];
    this.#spare.clear();
    await Promise.allSettled(paths.map(removeEmptyFolder));
  }

  async #make(path: string): Promise<string> {
    await mkdir(path, { mode: folderMode }).catch(async (error: unknown) => {
      unlessThere(error);
      await this.#remove(path);
      await mkdir(path, { mode: folderMode });
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

function ownerKey({ uid, gid }: Account): string {
  return `${uid}:${gid}`;
}

function ourselves(): Account {
  return { uid: process.geteuid?.() ?? -1, gid: process.getegid?.() ?? -1 };
}

function unlessThere(error: unknown): void {
  if (codeOf(error) !== 'EEXIST') throw error;
}

export function codeOf(error: unknown): string | null {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : null;
}
