import type { AttemptOutcome, ClaimedJob, Jobs, JobStore, NearLimit } from '../jobs/ports.ts';
import type { CapsuleRecorder } from '../capsules/ports.ts';
import type { SecretOpener } from '../secrets/ports.ts';
import type { SeriesStore } from '../series/ports.ts';
import type { OutputReader, OutputRecorder, OutputSink } from '../output/ports.ts';
import type {
  Kind,
  KindContext,
  KindOutcome,
  KindRegistry,
  NotStarted,
  ProgramPlan,
  ProgramReport,
  StopCause,
} from '../kinds/ports.ts';
import type { ProgramEnd } from '../launcher/protocol.ts';
import { backoffMs } from '../lib/backoff.ts';
import type { Clock } from '../lib/clock.ts';
import { delay } from '../lib/delay.ts';
import { startTimer, type Timer } from '../lib/timer.ts';
import { withFields, type Logger } from '../lib/logger.ts';
import type { OutputCopies } from './output-copies.ts';
import { AttemptCapsule } from './attempt-capsule.ts';
import { openEnvironment } from './attempt-secrets.ts';
import { AttemptWatch } from './attempt-watch.ts';
import { freeKib } from '../lib/free-space.ts';
import { Measurements } from './measurements.ts';
import { released, toOutcome } from './outcome.ts';
import type { ProgramLauncher, WorkerSettings } from './ports.ts';
import { ProgramRun } from './program-run.ts';
import { toProgramSpec } from './program-spec.ts';
import { writePinned } from './script-file.ts';
import { toTerms, type ProgramTerms } from './program-terms.ts';
import { resolveWorkdir } from './workdir.ts';

export interface AttemptRunDependencies {
  settings: WorkerSettings;
  kinds: KindRegistry;
  jobs: Pick<Jobs, 'finish'>;
  store: Pick<JobStore, 'markLaunched' | 'nearLimit' | 'setProgress'>;
  series: SeriesStore;
  capsules: CapsuleRecorder;
  secrets: SecretOpener;
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

const finishRetry = { initialMs: 100, factor: 2, maxMs: 5_000 };

/** Names an attempt to the launcher, and in the environment of its program. */
export function launcherKey(job: { jobId: number; number: number; token: string }): string {
  return `${job.jobId}.${job.number}.${job.token}`;
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
  readonly #measurements: Measurements;
  readonly #watch: AttemptWatch;
  readonly #capsule: AttemptCapsule;
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
  #timeout: Timer | undefined;
  #warning: Timer | undefined;
  #exceeded: NearLimit | null = null;

  constructor(job: ClaimedJob, deps: AttemptRunDependencies, options: AttemptRunOptions) {
    this.job = job;
    this.key = launcherKey(job);
    const logger = withFields(deps.logger, { job: job.jobId, attempt: job.number });
    this.#deps = { ...deps, logger };
    this.#adopted = options.adopted;
    this.#askedMs = options.askedMs ?? deps.clock.monotonicMs();
    this.#capsule = new AttemptCapsule(job, deps.capsules, deps.settings);
    this.#terms = toTerms(job.run, deps.settings);
    this.#watch = new AttemptWatch(
      job,
      { jobs: deps.store, series: deps.series },
      { isAdopted: options.adopted !== null, logger },
    );
    this.#measurements = new Measurements(job, { jobs: deps.store, series: deps.series }, logger);
  }

  /** Resolves when the end is committed, or when the worker lets go. Never rejects. */
  async run(): Promise<void> {
    try {
      await this.#run();
    } catch (error) {
      this.#deps.logger.error({ err: error }, 'An attempt could not be brought to its end.');
    } finally {
      this.#clearTimers();
    }
  }

  /** Ends the attempt for a reason; the first reason counts. */
  stop(cause: StopCause): void {
    if (this.#stopping.signal.aborted) return;
    this.#stopping.abort(cause);
    this.#clearTimers();
    this.#program?.stop();
  }

  /** The worker stops: the program runs on in the launcher, and the next life takes it up. */
  detach(): void {
    this.#detached.abort();
    this.#program?.abandon();
    this.#clearTimers();
  }

  async #run(): Promise<void> {
    const { jobs, launcher, recorder, settings, copies } = this.#deps;
    this.#freeBeforeKib = this.#adopted ? null : await freeKib(settings.homeDirectory);
    const options = {
      jobId: this.job.jobId,
      number: this.job.number,
      claimedAt: this.job.claimedAt,
      onProtocol: (member: unknown) => this.#measurements.accept(member),
      onStored: (upTo: { stdout: number; stderr: number }) => this.#program?.confirm(upTo),
    };
    this.#output = this.#adopted ? await recorder.reopen(options) : recorder.open(options);
    if (this.#adopted) await this.#rereadResult();
    const outcome = await this.#perform();
    await this.#watch.close(this.#ranMs);
    if (this.#detached.signal.aborted) return this.#measurements.close();
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
    if (!(await this.#untilDone(() => this.#capsule.close()))) return;
    const { job } = this;
    const isFinished = await this.#untilDone(() =>
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

  /** What the program reported to an earlier life of this worker stands in its output. */
  async #rereadResult(): Promise<void> {
    const start = { stdout: 0, stderr: 0, chunk: 0, gaps: 0 };
    for await (const piece of this.#deps.reader.pieces(this.job, start)) {
      if (piece.kind !== 'protocol') continue;
      const { daybook } = JSON.parse(piece.bytes.toString()) as { daybook: unknown };
      this.#measurements.acceptResult(daybook);
    }
  }

  async #perform(): Promise<KindOutcome> {
    const kind = this.#deps.kinds.get(this.job.kind);
    if (!kind)
      return {
        state: 'failed',
        reason: 'error',
        message: `This worker does not know the kind ${this.job.kind}.`,
      };
    try {
      return await kind.run(await this.#toKindJob(kind), this.#context());
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
    const pinnedScript = this.#adopted ? null : await this.#writePinned();
    return { id: jobId, uid, attempt: number, name, owner, input: kind.input.parse(input), pinnedScript };
  }

  /** Under its own name, as far as the input tells it. */
  async #writePinned(): Promise<string | null> {
    const { scriptSha256: sha256, input } = this.job;
    if (sha256 === null) return null;
    const text = await this.#deps.capsules.readText(sha256);
    if (text === null)
      throw new Error(`The text of the script that is to run again (${sha256}) is not kept any more.`);
    const { script } = input as { script?: unknown };
    const name = typeof script === 'string' ? script : 'script';
    return writePinned(this.#deps.settings.pinnedDirectory, { name, text, sha256 });
  }

  #context(): KindContext {
    return {
      signal: this.#stopping.signal,
      log: (line, stream = 'stdout') => this.#log(line, stream),
      progress: (fraction, message) => this.#measurements.progress(fraction, message ?? null),
      series: (points) => this.#measurements.series(points),
      result: (members) => this.#measurements.addResult(members),
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
      onNearLimit: (printed) => this.#watch.near(this.#outputHit(printed)),
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
    return this.#report(await this.#resultOf(program));
  }

  async #launch(
    plan: () => Promise<ProgramPlan | NotStarted>,
    program: ProgramRun,
  ): Promise<ProgramReport | null> {
    const planned = await plan();
    if ('exitCode' in planned) return this.#refuse(planned);
    const { settings } = this.#deps;
    const workdir = await resolveWorkdir(settings.homeDirectory, this.job.run?.workdir);
    if ('exitCode' in workdir) return this.#refuse(workdir);
    if (this.#stopping.signal.aborted)
      return { status: 'ended', exitCode: null, signal: null, stopped: this.#stopCause };
    this.#isReleased = this.#hasOverslept();
    if (this.#isReleased) return { status: 'ended', exitCode: null, signal: null, stopped: null };
    const environment = await openEnvironment(this.job.run, {
      opener: this.#deps.secrets,
      owner: this.job.owner,
    });
    if ('problem' in environment) return this.#refuse({ exitCode: 126, message: environment.problem });
    const cwd = workdir.directory;
    this.#plan = { file: planned.file, args: planned.args, cwd };
    const { key, job } = this;
    const spec = toProgramSpec(planned, { key, job, settings, terms: this.#terms, cwd, environment });
    await this.#capsule.take({
      spec,
      script: planned.script,
      terms: this.#terms,
      secrets: environment.secrets,
    });
    const started = await this.#deps.launcher.launch(spec, program).catch((error: Error) => error);
    if (started instanceof Error) {
      // Whether it was started cannot be told, so it counts as started, and may have printed.
      this.#lostReason = started.message;
      this.#output?.gap(started.message, this.#deps.clock.now());
      return { status: 'ended', exitCode: null, signal: null, stopped: this.#stopCause };
    }
    if ('exitCode' in started) return this.#refuse(started);
    this.#program = program;
    this.#launchedAt = started.startedAt;
    this.#markLaunched(started.startedAt);
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

  #refuse({ exitCode, message }: NotStarted): ProgramReport {
    this.#log(message, 'stderr');
    return { status: 'not_started', exitCode, message };
  }

  /** Lets the record show early what runs; the end records it once more, so a failure here loses nothing. */
  #markLaunched(launchedAt: Date): void {
    const { store, logger } = this.#deps;
    const { jobId, number, token } = this.job;
    const mark = {
      jobId,
      number,
      token,
      launchedAt: launchedAt.toISOString(),
      program: this.#plan,
      freeBeforeKib: this.#freeBeforeKib,
    };
    // Most programs are over before anybody could look.
    const timer = setTimeout(() => {
      store.markLaunched([mark]).catch((error: unknown) => {
        logger.debug({ err: error }, 'The start could not be recorded yet.');
      });
    }, 50);
    void this.#program?.result.then(() => clearTimeout(timer));
  }

  #armTimeout(): void {
    if (this.job.timeoutMs === null || this.#adopted?.ended) return;
    const ranMs = this.#deps.clock.now().getTime() - (this.#launchedAt?.getTime() ?? 0);
    const { timeoutMs } = this.job;
    const left = (part: number): number => Math.max(0, timeoutMs * part - Math.max(0, ranMs));
    this.#timeout = startTimer(left(1), () => this.stop('timeout'));
    const { warnAt } = this.#deps.settings;
    if (warnAt === null) return;
    this.#warning = startTimer(left(warnAt), () => {
      const max = timeoutMs / 1000;
      const at = this.#deps.clock.now().getTime();
      this.#watch.near({ limit: 'wall', value: max * warnAt, max, at });
    });
  }

  get #ranMs(): number {
    const endedAt = this.#programEnd?.endedAt ?? this.#deps.clock.now();
    return endedAt.getTime() - (this.#launchedAt ?? endedAt).getTime();
  }

  #clearTimers(): void {
    this.#timeout?.clear();
    this.#warning?.clear();
  }

  #outputHit(value: number): NearLimit {
    return { limit: 'output', value, max: this.#terms.outputBytes, at: this.#deps.clock.now().getTime() };
  }

  #stopForOutput(): void {
    this.#exceeded ??= this.#outputHit(this.#terms.outputBytes);
    this.stop('limit');
  }

  async #resultOf(program: ProgramRun): ReturnType<() => ProgramRun['result']> {
    return Promise.race([
      program.result,
      new Promise<never>((_, reject) => {
        const letGo = (): void => reject(new Error('the worker stopped'));
        if (this.#detached.signal.aborted) letGo();
        this.#detached.signal.addEventListener('abort', letGo, { once: true });
      }),
    ]);
  }

  #report(result: Awaited<ProgramRun['result']>): ProgramReport {
    if (result.status === 'lost') {
      this.#lostReason = result.reason;
      return { status: 'ended', exitCode: null, signal: null, stopped: this.#stopCause };
    }
    this.#programEnd = result.end;
    if (this.#adopted?.ended && this.#wasOverTime(result.end)) this.stop('timeout');
    const { exitCode, signal } = result.end;
    return { status: 'ended', exitCode, signal, stopped: this.#stopCause };
  }

  /** Of a program that ended while no worker was there: whether in time, its own clock says. */
  #wasOverTime({ endedAt }: ProgramEnd): boolean {
    const { timeoutMs } = this.job;
    const ranMs = endedAt.getTime() - (this.#launchedAt?.getTime() ?? 0);
    return timeoutMs !== null && ranMs >= timeoutMs;
  }

  get #stopCause(): StopCause | null {
    const { signal } = this.#stopping;
    return signal.aborted ? (signal.reason as StopCause) : null;
  }

  /** The database may be away for long; the end waits for it. False when the worker stops first. */
  async #untilDone(action: () => Promise<unknown>): Promise<boolean> {
    for (let failures = 0; !this.#detached.signal.aborted;) {
      try {
        await action();
        return true;
      } catch (error) {
        failures += 1;
        this.#deps.logger.warn({ err: error }, 'The end of an attempt could not be stored yet.');
        await delay(backoffMs(failures, finishRetry), this.#detached.signal);
      }
    }
    return false;
  }
}
