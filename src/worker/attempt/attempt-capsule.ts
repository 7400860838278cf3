import { createHash } from 'node:crypto';
import { release, type } from 'node:os';
import type { CapsuleRecorder, NewCapsule } from '../../domain/again/capsule-ports.ts';
import type { ClaimedJob } from '../../domain/jobs/ports.ts';
import { attemptTokenVariable, type ProgramSpec } from '../../launcher/protocol.ts';
import { actorOf, type WorkerSettings } from '../settings.ts';
import { toTerms } from '../program/program-spec.ts';
import type { LaidOutFile } from '../files/lay-out-files.ts';
import { isScriptChanged, readScript } from '../program/script-file.ts';
import { secretVariables } from './attempt-secrets.ts';

const mask = '***';

/**
 * What one attempt was started with, on its way into the record: read right before the start, stored while the program
 * runs, and certainly before its end is. At the end the script is looked at again.
 */
export class AttemptCapsule {
  readonly #job: ClaimedJob;
  readonly #recorder: CapsuleRecorder;
  readonly #settings: WorkerSettings;
  #capsule: NewCapsule | null = null;
  /** Else nothing ran, and there is nothing to record. */
  #hasBegun: boolean;
  #saving: Promise<boolean> = Promise.resolve(false);
  #script: { file: string; sha256: string; stamp: string | null } | null = null;

  constructor(
    job: ClaimedJob,
    {
      recorder,
      settings,
      isAdopted,
    }: { recorder: CapsuleRecorder; settings: WorkerSettings; isAdopted: boolean },
  ) {
    this.#job = job;
    this.#hasBegun = isAdopted;
    this.#recorder = recorder;
    this.#settings = settings;
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

  /** The program was begun, or may have been; what is stored meanwhile need not be waited for at its end. */
  begun(): void {
    this.#hasBegun = true;
    const capsule = this.#capsule;
    if (!capsule) return;
    this.#saving = this.#recorder.save(capsule).then(
      () => true,
      () => false,
    );
  }

  /** Resolves when it is stored. @throws when the store does not answer: call again */
  async close(): Promise<void> {
    if (!this.#hasBegun) return;
    if (this.#capsule && !(await this.#saving)) {
      await this.#recorder.save(this.#capsule);
      this.#saving = Promise.resolve(true);
    }
    this.#script ??= await this.#findScript();
    if (!this.#script || !(await isScriptChanged(this.#script.file, this.#script))) return;
    await this.#recorder.markScriptChanged(this.#job, actorOf(this.#settings));
  }

  /** Of a program that an earlier life of the worker started. */
  async #findScript(): Promise<{ file: string; sha256: string; stamp: null } | null> {
    if (this.#capsule) return null;
    const found = await this.#recorder.findScript(this.#job);
    return found && { ...found, stamp: null };
  }

  #describe(spec: ProgramSpec): Omit<NewCapsule, 'script' | 'files'> {
    const { jobId, number, timeoutMs, run } = this.#job;
    const { name, host, version, programUserName } = this.#settings;
    const { limits, outputBytes, nice } = toTerms(run, this.#settings);
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
