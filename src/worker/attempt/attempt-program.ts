import type { AttemptOutcome, ClaimedJob, JobStore, NearLimit } from '../../domain/jobs/ports.ts';
import type { NotStarted, ProgramPlan, ProgramReport, StopCause } from '../../domain/jobs/kind-ports.ts';
import type { ProgramEnd, StreamOffsets } from '../../launcher/protocol.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/logger.ts';
import { unlessAborted } from '../../lib/unless-aborted.ts';
import type { OutputSink } from '../../domain/output/ports.ts';
import type { SecretOpener } from '../../domain/secrets/ports.ts';
import type { AttemptCapsule } from './attempt-capsule.ts';
import type { AttemptFiles } from '../files/attempt-files.ts';
import type { AttemptWatch } from './attempt-watch.ts';
import { markLaunched } from './launch-mark.ts';
import { toLauncherKey } from './launcher-key.ts';
import type { Patience } from './patience.ts';
import type { ProgramLauncher } from '../../launcher/client/ports.ts';
import type { WorkerSettings } from '../settings.ts';
import { prepareProgram } from '../program/prepare-program.ts';
import { ProgramRun } from '../program/program-run.ts';
import type { ProgramTerms } from '../program/program-terms.ts';

export interface AttemptProgramDependencies {
  settings: WorkerSettings;
  store: Pick<JobStore, 'markLaunched'>;
  secrets: SecretOpener;
  launcher: ProgramLauncher;
  clock: Clock;
  logger: Logger;
}

/** An earlier life of this worker started it, and the launcher still holds it. */
export interface AdoptedProgram {
  startedAt: Date;
  ended: boolean;
}

export interface AttemptProgramOptions {
  output: OutputSink;
  adopted: AdoptedProgram | null;
  /** By the monotonic clock: when the claim was asked for. */
  askedMs: number;
  freeBeforeKib: number | null;
  terms: ProgramTerms;
  files: AttemptFiles;
  capsule: AttemptCapsule;
  watch: AttemptWatch;
  patience: Patience;
  /** Its reason is a `StopCause`. */
  stopping: AbortSignal;
  detached: AbortSignal;
  /** Stops the attempt. */
  stop(cause: StopCause): void;
  /** It runs, for so long already. */
  onRunning(ranMs: number): void;
}

/** The one program that an attempt may run, from the plan of its kind to its end. */
export class AttemptProgram {
  readonly #job: ClaimedJob;
  readonly #key: string;
  readonly #deps: AttemptProgramDependencies;
  readonly #options: AttemptProgramOptions;
  #run: ProgramRun | undefined;
  #launchedAt: Date | undefined;
  #plan: AttemptOutcome['program'] = null;
  #end: ProgramEnd | null = null;
  #lostReason: string | null = null;
  #exceeded: NearLimit | null = null;
  #isReleased = false;

  constructor(job: ClaimedJob, deps: AttemptProgramDependencies, options: AttemptProgramOptions) {
    this.#job = job;
    this.#key = toLauncherKey(job);
    this.#deps = deps;
    this.#options = options;
  }

  /** From then on the output is the program's. */
  get isStarted(): boolean {
    return this.#run !== undefined;
  }

  /** The launcher may know it, and is to be told when it may forget. */
  get mayBeHeld(): boolean {
    return this.isStarted || this.#lostReason !== null;
  }

  /** It was not begun, since too much time had passed: the job goes back to its queue. */
  get isReleased(): boolean {
    return this.#isReleased;
  }

  get lostReason(): string | null {
    return this.#lostReason;
  }

  get end(): ProgramEnd | null {
    return this.#end;
  }

  /** The limit for which it was stopped here. */
  get exceeded(): NearLimit | null {
    return this.#exceeded;
  }

  /** For the record of the attempt. */
  get facts(): Pick<AttemptOutcome, 'launchedAt' | 'program'> {
    return { launchedAt: this.#launchedAt?.toISOString() ?? null, program: this.#plan };
  }

  get ranMs(): number {
    const endedAt = this.#end?.endedAt ?? this.#deps.clock.now();
    return endedAt.getTime() - (this.#launchedAt ?? endedAt).getTime();
  }

  /** @see KindContext.program */
  async perform(plan: () => Promise<ProgramPlan | NotStarted>): Promise<ProgramReport> {
    const { adopted, stopping, detached, onRunning } = this.#options;
    if (this.#run) throw new Error('an attempt runs one program');
    const run = this.#createRun();
    if (adopted) {
      this.#attach(run, adopted);
    } else {
      const refused = await this.#launch(plan, run);
      if (refused) return refused;
    }
    onRunning(this.ranMs);
    if (stopping.aborted) run.stop();
    return this.#report(await unlessAborted(run.result, detached, 'the worker stopped'));
  }

  stop(): void {
    this.#run?.stop();
  }

  /** The worker goes, the program stays. */
  abandon(): void {
    this.#run?.abandon();
  }

  /** Its output is stored up to there. */
  confirm(upTo: StreamOffsets): void {
    this.#run?.confirm(upTo);
  }

  #createRun(): ProgramRun {
    const { launcher, settings } = this.#deps;
    const { output, terms, watch } = this.#options;
    const limit = terms.outputBytes;
    return new ProgramRun({
      key: this.#key,
      launcher,
      output,
      killGraceMs: settings.killGraceMs,
      outputLimitBytes: limit,
      warnBytes: limit * (settings.warnAt ?? Infinity),
      onNearLimit: (printed) => watch.near(this.#printed(printed, limit)),
      onLimit: () => this.#stopForOutput(),
      onWatched: (news) => watch.accept(news),
    });
  }

  #attach(run: ProgramRun, adopted: AdoptedProgram): void {
    this.#run = run;
    this.#launchedAt = adopted.startedAt;
    if (run.isFull) this.#stopForOutput();
    this.#deps.launcher.attach(this.#key, this.#options.output.received, run);
  }

  async #launch(
    plan: () => Promise<ProgramPlan | NotStarted>,
    run: ProgramRun,
  ): Promise<ProgramReport | null> {
    const { settings, secrets: opener, launcher } = this.#deps;
    const { stopping, detached, patience, terms, files, capsule } = this.#options;
    const planned = await plan();
    if ('exitCode' in planned) return this.#refuse(planned);
    const signal = AbortSignal.any([stopping, detached]);
    const openFolders = () => files.prepare(signal);
    const parts = { key: this.#key, job: this.#job, settings, terms, opener, openFolders };
    const prepared = await patience.lookUp(() => prepareProgram(planned, parts));
    if (!prepared) return this.#noEnd();
    if ('exitCode' in prepared) return this.#refuse(prepared);
    await capsule.take({ ...prepared, terms });
    // Nothing may be awaited between these questions and the launch.
    if (stopping.aborted) return this.#noEnd();
    this.#isReleased = this.#hasOverslept();
    if (this.#isReleased) return this.#noEnd();
    const { file, args, cwd } = prepared.spec;
    this.#plan = { file, args, cwd };
    const started = await launcher.launch(prepared.spec, run).catch((error: Error) => error);
    if (started instanceof Error) return this.#lose(started);
    if ('exitCode' in started) return this.#refuse(started);
    this.#begin(run, started.startedAt);
    return null;
  }

  /**
   * This process stood still (stopped, suspended) since the claim. The attempt may have been given up meanwhile and be
   * tried again elsewhere, so its program is not begun any more; if it is still ours, it goes back to its queue.
   */
  #hasOverslept(): boolean {
    const { clock, settings } = this.#deps;
    return clock.monotonicMs() - this.#options.askedMs > settings.leaseMs / 2;
  }

  /** Whether it was started cannot be told, so it counts as started, and may have printed. */
  #lose({ message }: Error): ProgramReport {
    const { capsule, output } = this.#options;
    capsule.begun();
    this.#lostReason = message;
    output.gap(message, this.#deps.clock.now());
    return this.#noEnd();
  }

  #begin(run: ProgramRun, launchedAt: Date): void {
    const { store, logger } = this.#deps;
    const { capsule, freeBeforeKib } = this.#options;
    this.#run = run;
    this.#launchedAt = launchedAt;
    const facts = { launchedAt, program: this.#plan, freeBeforeKib };
    markLaunched(this.#job, facts, { store, logger, ended: run.result });
    capsule.begun();
  }

  #refuse({ exitCode, message }: NotStarted): ProgramReport {
    this.#options.output.append('stderr', Buffer.from(`${message}\n`), this.#deps.clock.now());
    return { status: 'not_started', exitCode, message };
  }

  #report(result: Awaited<ProgramRun['result']>): ProgramReport {
    const { adopted, stop } = this.#options;
    if (result.status === 'lost') {
      this.#lostReason = result.reason;
      return this.#noEnd();
    }
    this.#end = result.end;
    // It ended while no worker was there: whether in time, its own clock says.
    if (adopted?.ended && this.ranMs >= (this.#job.timeoutMs ?? Infinity)) stop('timeout');
    const { exitCode, signal } = result.end;
    return { status: 'ended', exitCode, signal, stopped: this.#stopCause };
  }

  /** Nothing was begun, or nobody knows how it ended. */
  #noEnd(): ProgramReport {
    return { status: 'ended', exitCode: null, signal: null, stopped: this.#stopCause };
  }

  get #stopCause(): StopCause | null {
    const { stopping } = this.#options;
    return stopping.aborted ? (stopping.reason as StopCause) : null;
  }

  #printed(value: number, max: number): NearLimit {
    return { limit: 'output', value, max, at: this.#deps.clock.now().getTime() };
  }

  #stopForOutput(): void {
    const limit = this.#options.terms.outputBytes;
    this.#exceeded ??= this.#printed(limit, limit);
    this.#options.stop('limit');
  }
}
