import type { AttemptOutcome, ClaimedJob, Jobs, JobStore, NearLimit } from '../jobs/ports.ts';
import type { CapsuleRecorder } from '../capsules/ports.ts';
import type { SecretOpener } from '../secrets/ports.ts';
import type { Files, FileStore } from '../files/ports.ts';
import type { SeriesStore } from '../series/ports.ts';
import type { PartStore } from '../parts/ports.ts';
import type { OutputReader, OutputRecorder, OutputSink } from '../output/ports.ts';
import type {
  Detached,
  Kind,
  KindOutcome,
  KindRegistry,
  NotStarted,
  ProgramPlan,
  ProgramReport,
  StopCause,
} from '../kinds/ports.ts';
import type { ProgramEnd } from '../launcher/protocol.ts';
import type { Clock } from '../lib/clock.ts';
import { unlessAborted } from '../lib/unless-aborted.ts';
import { withFields, type Logger } from '../lib/logger.ts';
import type { OutputCopies } from './output-copies.ts';
import type { AttemptFolders } from './attempt-folders.ts';
import { AttemptFiles } from './attempt-files.ts';
import { AttemptCapsule } from './attempt-capsule.ts';
import { AttemptWatch } from './attempt-watch.ts';
import { freeKib } from '../lib/free-space.ts';
import { markLaunched } from './launch-mark.ts';
import { launcherKey } from './launcher-key.ts';
import { Measurements } from './measurements.ts';
import { PartRecorder } from './part-recorder.ts';
import { released, toOutcome } from './outcome.ts';
import type { ProgramLauncher, WorkerSettings } from './ports.ts';
import { openInput } from './attempt-secrets.ts';
import { runKind, type OpenContext } from './run-kind.ts';
import { ProgramRun } from './program-run.ts';
import { prepareProgram } from './prepare-program.ts';
import { writePinnedScript } from './pinned-script.ts';
import { toTerms, type ProgramTerms } from './program-terms.ts';
import { Patience } from './patience.ts';
import { WallLimit } from './wall-limit.ts';

export interface AttemptRunDependencies {
  settings: WorkerSettings;
  kinds: KindRegistry;
  jobs: Pick<Jobs, 'finish'>;
  store: Pick<JobStore, 'markLaunched' | 'nearLimit' | 'setBaseRun' | 'setProgress'>;
  series: SeriesStore;
  parts: PartStore;
  capsules: CapsuleRecorder;
  secrets: SecretOpener;
  files: Files;
  fileStore: FileStore;
  folders: AttemptFolders;
  recorder: OutputRecorder;
  reader: Pick<OutputReader, 'pieces'>;
  launcher: ProgramLauncher;
  copies: OutputCopies;
  clock: Clock;
  logger: Logger;
}

export interface AttemptRunOptions {
  /** Set when the launcher still holds the program that an earlier life of this worker started. */
  adopted: { startedAt: Date; ended: boolean } | null;
  /** By the monotonic clock: when the claim was asked for. By default now. */
  askedMs?: number;
}

/**
 * One attempt on this worker, from the claim to the committed end.
 *
 * The order at the end is what promises rest on: all output is stored, then the outcome is, then the launcher may
 * forget. Whatever is interrupted before its turn is done again by the next life of the worker.
 */
export class AttemptRun {
  readonly job: ClaimedJob;
  readonly key: string;
  readonly #deps: AttemptRunDependencies;
  readonly #adopted: AttemptRunOptions['adopted'];
  readonly #stopping = new AbortController();
  readonly #detached = new AbortController();
  readonly #patience: Patience;
  readonly #measurements: Measurements;
  readonly #parts: PartRecorder;
  readonly #watch: AttemptWatch;
  readonly #capsule: AttemptCapsule;
  readonly #files: AttemptFiles;
  readonly #terms: ProgramTerms;
  #output: OutputSink | undefined;
  #program: ProgramRun | undefined;
  #programEnd: ProgramEnd | undefined;
  #lostReason: string | undefined;
  #launchedAt: Date | undefined;
  #plan: { file: string; args: readonly string[]; cwd: string } | null = null;
  #freeBeforeKib: number | null = null;
  readonly #askedMs: number;
  #isReleased = false;
  readonly #wall: WallLimit;
  #exceeded: NearLimit | null = null;

  constructor(job: ClaimedJob, deps: AttemptRunDependencies, options: AttemptRunOptions) {
    this.job = job;
    this.key = launcherKey(job);
    const logger = withFields(deps.logger, { job: job.jobId, attempt: job.number });
    this.#deps = { ...deps, logger };
    this.#adopted = options.adopted;
    const signals = { stopping: this.#stopping.signal, detached: this.#detached.signal };
    this.#patience = new Patience(signals, logger);
    this.#askedMs = options.askedMs ?? deps.clock.monotonicMs();
    this.#capsule = new AttemptCapsule(job, {
      recorder: deps.capsules,
      settings: deps.settings,
      isAdopted: options.adopted !== null,
    });
    this.#files = new AttemptFiles(job, deps, { isAdopted: options.adopted !== null });
    this.#terms = toTerms(job.run, deps.settings);
    this.#watch = new AttemptWatch(
      job,
      { jobs: deps.store, series: deps.series },
      { isAdopted: options.adopted !== null, logger },
    );
    this.#wall = new WallLimit({
      limitMs: job.timeoutMs,
      warnAt: deps.settings.warnAt,
      onNear: (value) => this.#watch.near(this.#hit('wall', value, (job.timeoutMs ?? 0) / 1000)),
      onTime: () => this.stop('timeout'),
    });
    this.#parts = new PartRecorder(job, deps.parts, (action) => this.#patience.persist(action));
    this.#measurements = new Measurements(job, { jobs: deps.store, series: deps.series }, logger);
  }

  /** Resolves when the end is committed, or when the worker lets go. Never rejects. */
  async run(): Promise<void> {
    try {
      await this.#run();
    } catch (error) {
      this.#deps.logger.error({ err: error }, 'An attempt could not be brought to its end.');
    } finally {
      this.#wall.clear();
    }
  }

  /** Ends the attempt for a reason; the first reason counts. */
  stop(cause: StopCause): void {
    if (this.#stopping.signal.aborted) return;
    this.#stopping.abort(cause);
    this.#wall.clear();
    this.#program?.stop();
  }

  /** The worker stops: the program runs on in the launcher, and the next life takes it up. */
  detach(): void {
    this.#detached.abort('detached' satisfies Detached);
    this.#program?.abandon();
    this.#wall.clear();
  }

  async #run(): Promise<void> {
    const { jobs, launcher, reader, recorder, settings, copies } = this.#deps;
    this.#freeBeforeKib = this.#adopted ? null : await freeKib(settings.homeDirectory);
    const options = {
      jobId: this.job.jobId,
      number: this.job.number,
      claimedAt: this.job.claimedAt,
      onProtocol: (member: unknown) => this.#measurements.accept(member),
      onStored: (upTo: { stdout: number; stderr: number }) => this.#program?.confirm(upTo),
    };
    this.#output = this.#adopted ? await recorder.reopen(options) : recorder.open(options);
    const start = { stdout: 0, stderr: 0, chunk: 0, gaps: 0 };
    if (this.#adopted) await this.#measurements.rereadResult(reader.pieces(this.job, start));
    const outcome = await this.#perform();
    await this.#watch.close(this.#ranMs);
    if (this.#detached.signal.aborted) return this.#measurements.close();
    if (!(await this.#patience.untilDone(() => this.#files.close(this.#detached.signal)))) return;
    const finished = this.#isReleased
      ? released(this.#deps.clock.now())
      : toOutcome(outcome, {
          stopped: this.#stopCause,
          lostReason: this.#lostReason ?? null,
          end: this.#programEnd ?? null,
          exceeded: this.#exceeded,
          result: this.#measurements.result,
          now: this.#deps.clock.now(),
          timeoutMs: this.job.timeoutMs,
        });
    const details: AttemptOutcome = {
      ...finished,
      launchedAt: this.#launchedAt?.toISOString() ?? null,
      program: this.#plan,
      freeBeforeKib: this.#freeBeforeKib,
      freeAfterKib: await freeKib(settings.homeDirectory),
      stdoutBytes: this.#output.received.stdout,
      stderrBytes: this.#output.received.stderr,
    };
    await this.#measurements.close();
    if (!(await this.#output.close())) return;
    await copies.write(this.job);
    if (!(await this.#patience.untilDone(() => this.#capsule.close()))) return;
    const { job } = this;
    const isFinished = await this.#patience.untilDone(() =>
      jobs.finish({
        jobId: job.jobId,
        number: job.number,
        token: job.token,
        outcome: details,
        retry: job.retry,
        tries: job.tries,
        actor: `worker:${settings.name}`,
      }),
    );
    if (isFinished && (this.#program || this.#lostReason !== undefined)) launcher.forget(this.key);
  }

  async #perform(): Promise<KindOutcome> {
    const kind = this.#deps.kinds.get(this.job.kind);
    if (!kind)
      return {
        state: 'failed',
        reason: 'error',
        message: `This worker does not know the kind ${this.job.kind}.`,
      };
    if (!kind.runsProgram) this.#wall.arm(0);
    try {
      const { secrets: opener } = this.#deps;
      const outcome = await runKind(kind, await this.#toKindJob(kind), this.#context(), (uses) =>
        this.#patience.lookUp(() => openInput(uses, { opener, owner: this.job.owner })),
      );
      await this.#parts.close();
      return outcome;
    } catch (error) {
      if (!this.#detached.signal.aborted) {
        this.#deps.logger.error({ err: error, kind: kind.name }, 'A kind failed unexpectedly.');
      }
      const message = error instanceof Error ? error.message : String(error);
      return { state: 'failed', reason: 'error', message };
    }
  }

  async #toKindJob(kind: Kind): Promise<Parameters<Kind['run']>[0]> {
    const { jobId, uid, number, name, owner, input } = this.job;
    const { capsules, settings } = this.#deps;
    const place = { capsules, directory: settings.pinnedDirectory };
    const pinnedScript = this.#adopted
      ? null
      : await this.#patience.lookUp(() => writePinnedScript(this.job, place));
    return { id: jobId, uid, attempt: number, name, owner, input: kind.input.parse(input), pinnedScript };
  }

  #context(): OpenContext {
    const { store, parts } = this.#deps;
    const { jobId, kind, owner } = this.job;
    const actor = { name: owner, accountId: null, role: 'member' as const };
    return {
      signal: AbortSignal.any([this.#stopping.signal, this.#detached.signal]),
      log: (line, stream = 'stdout') => this.#log(line, stream),
      progress: (fraction, message) => this.#measurements.progress(fraction, message ?? null),
      series: (points) => this.#measurements.series(points),
      result: (members) => this.#measurements.addResult(members),
      part: (part) => this.#parts.add(part),
      partsDone: async () => (await this.#patience.lookUp(() => parts.done(this.job))) ?? [],
      lastGood: (key) => this.#patience.lookUp(() => parts.lastGood({ kind, key, otherThan: jobId }, actor)),
      compareWith: async (base) => void (await this.#patience.lookUp(() => store.setBaseRun(this.job, base))),
      program: (plan) => this.#runProgram(plan),
    };
  }

  #log(line: string, stream: 'stdout' | 'stderr'): void {
    if (this.#program) throw new Error('the output belongs to the program');
    this.#output?.append(stream, Buffer.from(`${line}\n`), this.#deps.clock.now());
  }

  async #runProgram(plan: () => Promise<ProgramPlan | NotStarted>): Promise<ProgramReport> {
    const { launcher, settings } = this.#deps;
    const output = this.#output;
    if (!output || this.#program) throw new Error('an attempt runs one program');
    const program = new ProgramRun({
      key: this.key,
      launcher,
      output,
      killGraceMs: settings.killGraceMs,
      outputLimitBytes: this.#terms.outputBytes,
      warnBytes: this.#terms.outputBytes * (settings.warnAt ?? Infinity),
      onNearLimit: (printed) => this.#watch.near(this.#hit('output', printed, this.#terms.outputBytes)),
      onLimit: () => this.#stopForOutput(),
      onWatched: (news) => this.#watch.accept(news),
    });
    if (this.#adopted) {
      this.#program = program;
      this.#launchedAt = this.#adopted.startedAt;
      if (program.isFull) this.#stopForOutput();
      launcher.attach(this.key, output.received, program);
    } else {
      const refused = await this.#launch(plan, program);
      if (refused) return refused;
    }
    this.#armTimeout();
    if (this.#stopping.signal.aborted) program.stop();
    return this.#report(await unlessAborted(program.result, this.#detached.signal, 'the worker stopped'));
  }

  async #launch(
    plan: () => Promise<ProgramPlan | NotStarted>,
    program: ProgramRun,
  ): Promise<ProgramReport | null> {
    const planned = await plan();
    if ('exitCode' in planned) return this.#refuse(planned);
    const { launcher, settings, secrets, store, logger } = this.#deps;
    const { key, job } = this;
    const signal = AbortSignal.any([this.#stopping.signal, this.#detached.signal]);
    const openFolders = () => this.#files.prepare(signal);
    const parts = { key, job, settings, terms: this.#terms, opener: secrets, openFolders };
    const prepared = await this.#patience.lookUp(() => prepareProgram(planned, parts));
    if (!prepared) return this.#noEnd();
    if ('exitCode' in prepared) return this.#refuse(prepared);
    const { spec } = prepared;
    await this.#capsule.take({ ...prepared, terms: this.#terms });
    // Nothing may be awaited between these questions and the launch.
    if (this.#stopping.signal.aborted) return this.#noEnd();
    this.#isReleased = this.#hasOverslept();
    if (this.#isReleased) return this.#noEnd();
    this.#plan = { file: spec.file, args: spec.args, cwd: spec.cwd };
    const started = await launcher.launch(spec, program).catch((error: Error) => error);
    if (started instanceof Error) {
      // Whether it was started cannot be told, so it counts as started, and may have printed.
      this.#capsule.begun();
      this.#lostReason = started.message;
      this.#output?.gap(started.message, this.#deps.clock.now());
      return this.#noEnd();
    }
    if ('exitCode' in started) return this.#refuse(started);
    this.#program = program;
    this.#launchedAt = started.startedAt;
    markLaunched(
      job,
      { launchedAt: started.startedAt, program: this.#plan, freeBeforeKib: this.#freeBeforeKib },
      { store, logger, ended: program.result },
    );
    this.#capsule.begun();
    return null;
  }

  /**
   * This process stood still (stopped, suspended) since the claim. The attempt may have been given up meanwhile and be
   * tried again elsewhere, so its program is not begun any more; if it is still ours, it goes back to its queue.
   */
  #hasOverslept(): boolean {
    const { clock, settings } = this.#deps;
    return clock.monotonicMs() - this.#askedMs > settings.leaseMs / 2;
  }

  /** Nothing was begun, or nobody knows how it ended. */
  #noEnd(): ProgramReport {
    return { status: 'ended', exitCode: null, signal: null, stopped: this.#stopCause };
  }

  #refuse({ exitCode, message }: NotStarted): ProgramReport {
    this.#log(message, 'stderr');
    return { status: 'not_started', exitCode, message };
  }

  #armTimeout(): void {
    if (!this.#adopted?.ended) this.#wall.arm(this.#ranMs);
  }

  get #ranMs(): number {
    const endedAt = this.#programEnd?.endedAt ?? this.#deps.clock.now();
    return endedAt.getTime() - (this.#launchedAt ?? endedAt).getTime();
  }

  #hit(limit: 'wall' | 'output', value: number, max: number): NearLimit {
    return { limit, value, max, at: this.#deps.clock.now().getTime() };
  }

  #stopForOutput(): void {
    const { outputBytes } = this.#terms;
    this.#exceeded ??= this.#hit('output', outputBytes, outputBytes);
    this.stop('limit');
  }

  #report(result: Awaited<ProgramRun['result']>): ProgramReport {
    if (result.status === 'lost') {
      this.#lostReason = result.reason;
      return this.#noEnd();
    }
    this.#programEnd = result.end;
    // It ended while no worker was there: whether in time, its own clock says.
    if (this.#adopted?.ended && this.#ranMs >= (this.job.timeoutMs ?? Infinity)) this.stop('timeout');
    const { exitCode, signal } = result.end;
    return { status: 'ended', exitCode, signal, stopped: this.#stopCause };
  }

  get #stopCause(): StopCause | null {
    const { signal } = this.#stopping;
    return signal.aborted ? (signal.reason as StopCause) : null;
  }
}
