import { createHash } from 'node:crypto';
import { release, type } from 'node:os';
import type { CapsuleStore, NewCapsule } from '../../domain/again/capsule-ports.ts';
import type { ClaimedJob } from '../../domain/jobs/ports.ts';
import { attemptTokenVariable, type ProgramSpec } from '../../launcher/protocol.ts';
import { actorOf, type WorkerSettings } from '../settings.ts';
import { toTerms } from '../program/program-spec.ts';
import type { LaidOutFile } from '../files/lay-out-files.ts';
import { isScriptChanged, readScript } from '../program/script-file.ts';
import { secretVariables } from './attempt-secrets.ts';
import type { StartRecorder } from './start-recorder.ts';

const mask = '***';

export interface AttemptCapsuleDependencies {
  settings: WorkerSettings;
  starts: StartRecorder;
  capsules: Pick<CapsuleStore, 'save' | 'findScript' | 'markScriptChanged'>;
}

export interface BegunProgram {
  launchedAt: Date;
  /** What exactly runs. */
  program: unknown;
  freeBeforeKib: number | null;
}

/**
 * What one attempt was started with, on its way into the record: read right before the start, recorded with it or with
 * the end. At the end the script is looked at again.
 */
export class AttemptCapsule {
  readonly #job: ClaimedJob;
  readonly #deps: AttemptCapsuleDependencies;
  #capsule: NewCapsule | null = null;
  readonly #isAdopted: boolean;
  /** Else nothing ran, and there is nothing to record. */
  #hasBegun: boolean;
  /** Whether it is in the record with the start. */
  #isRecorded: () => Promise<boolean> = async () => false;
  #script: { file: string; sha256: string; stamp: string | null } | null = null;

  constructor(job: ClaimedJob, deps: AttemptCapsuleDependencies, { isAdopted }: { isAdopted: boolean }) {
    this.#job = job;
    this.#deps = deps;
    this.#isAdopted = isAdopted;
    this.#hasBegun = isAdopted;
  }

  /**
   * To be called right before the start.
   * @param file says what is done; null: there is no such file
   * @param files what stands in its input folder
   */
  async take(spec: ProgramSpec, file: string | null, files: readonly LaidOutFile[]): Promise<void> {
    const facts = file === null ? null : await readScript(file);
    let script: NewCapsule['script'] = null;
    if (file !== null && facts) {
      const { stamp, ...kept } = facts;
      this.#script = { file, sha256: kept.sha256, stamp };
      script = { file, ...kept, pinned: this.#job.scriptSha256 !== null };
    }
    this.#capsule = { ...this.#describe(spec), script, files: [...files] };
  }

  /** The program was begun. */
  begun({ launchedAt, program, freeBeforeKib }: BegunProgram): void {
    const { jobId, number, token } = this.#job;
    this.#hasBegun = true;
    this.#isRecorded = this.#deps.starts.add({
      jobId,
      number,
      token,
      launchedAt: launchedAt.toISOString(),
      program,
      freeBeforeKib,
      capsule: this.#capsule,
    });
  }

  /** Nobody knows whether it was begun. */
  mayHaveBegun(): void {
    this.#hasBegun = true;
  }

  /** After the close: what the end has to record; null: nothing. */
  get unrecorded(): NewCapsule | null {
    return this.#hasBegun ? this.#capsule : null;
  }

  /** To be called right before the end. @throws when the store does not answer: call again */
  async close(): Promise<void> {
    if (!this.#hasBegun) return;
    if (await this.#isRecorded()) this.#capsule = null;
    this.#script ??= await this.#findScript();
    if (!this.#script || !(await isScriptChanged(this.#script.file, this.#script))) return;
    const { capsules, settings } = this.#deps;
    if (this.#capsule) await capsules.save([this.#capsule]);
    this.#capsule = null;
    await capsules.markScriptChanged(this.#job, actorOf(settings));
  }

  /** Of a program that an earlier life of the worker started. */
  async #findScript(): Promise<{ file: string; sha256: string; stamp: null } | null> {
    if (!this.#isAdopted) return null;
    const found = await this.#deps.capsules.findScript(this.#job);
    return found && { ...found, stamp: null };
  }

  #describe(spec: ProgramSpec): Omit<NewCapsule, 'script' | 'files'> {
    const { jobId, number, timeoutMs, run } = this.#job;
    const { name, host, version, programUserName } = this.#deps.settings;
    const { limits, outputBytes, nice } = toTerms(run, this.#deps.settings);
    const secrets = secretVariables(run);
    const hidden = [...Object.keys(secrets), attemptTokenVariable];
    const masked = Object.fromEntries(hidden.map((variable) => [variable, mask]));
    return {
      jobId,
      attempt: number,
      argv: [spec.file, ...spec.args],
      cwd: spec.cwd,
      env: { ...spec.env, ...masked },
      secrets: [...new Set(Object.values(secrets))].sort(),
      stdin: spec.stdin && {
        sha256: createHash('sha256').update(spec.stdin).digest('hex'),
        sizeBytes: spec.stdin.length,
      },
      user: spec.isolation?.user ?? programUserName,
      limits: {
        ...limits,
        outputBytes,
        ...(timeoutMs === null ? {} : { timeoutSeconds: timeoutMs / 1000 }),
      },
      nice: nice ?? 0,
      worker: name,
      host,
      system: `${type()} ${release()}`,
      version,
      nodeVersion: process.version,
    };
  }
}
