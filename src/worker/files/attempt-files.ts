import { lstat } from 'node:fs/promises';
import type { JobFiles } from '../../contract/file.ts';
import type { Files, FileStore } from '../../domain/files/ports.ts';
import type { ClaimedJob } from '../../domain/jobs/ports.ts';
import type { AttemptFolders } from './attempt-folders.ts';
import type { Account } from '../../lib/file-access.ts';
import type { LateSignal } from '../../lib/late-signal.ts';
import { keepFiles } from './keep-files.ts';
import { layOutFiles, type LaidOutFile } from './lay-out-files.ts';
import { actorOf, type WorkerSettings } from '../settings.ts';

export interface AttemptFilesDependencies {
  files: Files;
  fileStore: FileStore;
  folders: AttemptFolders;
  settings: Pick<WorkerSettings, 'name' | 'programUser' | 'madeFilesLimitBytes'>;
}

/** What a program is shown. */
export interface ProgramFolders {
  inputs: string;
  outputs: string;
}

/** The files of one attempt: laid out before its program, kept behind it. */
export class AttemptFiles {
  readonly #job: ClaimedJob;
  readonly #deps: AttemptFilesDependencies;
  readonly #wanted: JobFiles;
  #laidOut: readonly LaidOutFile[] = [];
  #isMade: boolean;

  constructor(job: ClaimedJob, deps: AttemptFilesDependencies, options: { isAdopted: boolean }) {
    this.#job = job;
    this.#deps = deps;
    this.#wanted = job.run?.files ?? [];
    this.#isMade = options.isAdopted;
  }

  /** What stands in its input folder. */
  get laidOut(): readonly LaidOutFile[] {
    return this.#laidOut;
  }

  /**
   * Null when the signal ends it.
   * @param owner whom the program runs as; null: as we
   * @throws when a folder cannot be made or filled, or the store does not answer
   */
  async prepare(owner: Account | null, signal: AbortSignal): Promise<ProgramFolders | null> {
    const { files, fileStore, folders } = this.#deps;
    this.#isMade = true;
    const outputs = await folders.makeOutputs(this.#job, owner);
    if (this.#wanted.length === 0) return { inputs: folders.emptyInputs, outputs };
    const inputs = await folders.makeInputs(this.#job);
    const laidOut = await layOutFiles(this.#wanted, {
      files,
      store: fileStore,
      folder: inputs,
      owner,
      signal,
    });
    if (!laidOut) return null;
    this.#laidOut = laidOut;
    return { inputs, outputs };
  }

  /** Keeps what the program left, and removes its folders. To be called again when it throws. */
  async close(until: Pick<LateSignal<unknown>, 'signal'>): Promise<void> {
    if (!this.#isMade) return;
    const { files, fileStore, folders, settings } = this.#deps;
    if (this.#wanted.length > 0) await folders.removeInputs(this.#job);
    if (await folders.dropEmptyOutputs(this.#job)) return;
    const folder = folders.outputs(this.#job);
    await keepFiles(this.#job, {
      files,
      store: fileStore,
      folder,
      // By the folder, which only we can give away: settings may be others than when the program began.
      uid: settings.programUser && (await lstat(folder)).uid,
      limitBytes: settings.madeFilesLimitBytes,
      actor: actorOf(settings),
      signal: until.signal,
    });
    await folders.removeOutputs(this.#job);
  }
}
