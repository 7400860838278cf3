import { needsFence, type ClaimedJob, type NearLimit } from '../../domain/jobs/ports.ts';
import type {
  NotStarted,
  ProgramLine,
  ProgramPlan,
  ProgramReport,
  StopCause,
} from '../../domain/jobs/kind-ports.ts';
import type { OutputPosition, OutputReader, OutputSink } from '../../domain/output/ports.ts';
import type { SecretOpener } from '../../domain/secrets/ports.ts';
import type { ProgramLauncher, ProgramListener } from '../../launcher/client/ports.ts';
import type {
  HeldProgram,
  OutputFrame,
  ProgramEnd,
  ProgramNews,
  StreamOffsets,
} from '../../launcher/protocol.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Account } from '../../lib/file-access.ts';
import type { Logger } from '../../lib/logger.ts';
import { unlessAborted } from '../../lib/unless-aborted.ts';
import type { AttemptFiles } from '../files/attempt-files.ts';
import { LineFeed } from '../program/line-feed.ts';
import { PrintedOutput } from '../program/printed-output.ts';
import { type HomeOf, specify, toTerms } from '../program/program-spec.ts';
import { repeatOutput } from '../program/repeat-output.ts';
import type { WorkerSettings } from '../settings.ts';
import type { AttemptCapsule, BegunProgram } from './attempt-capsule.ts';
import type { AttemptWatch } from './attempt-watch.ts';
import type { Interrupts } from './interrupts.ts';
import { toLauncherKey } from './launcher-key.ts';
import type { ProgramFacts } from './outcome.ts';
import type { WallLimit } from './wall-limit.ts';

export interface AttemptProgramDependencies {
  settings: WorkerSettings;
  homeOf: HomeOf;
  secrets: SecretOpener;
  launcher: ProgramLauncher;
  reader: Pick<OutputReader, 'pieces'>;
  clock: Clock;
  logger: Logger;
}

/** What else the attempt is made of. */
export interface AttemptParts {
  output: OutputSink;
  /** An earlier life of this worker started it, and the launcher still holds it. */
  adopted: HeldProgram | null;
  /** By the monotonic clock: when the claim was asked for. */
  askedMs: number;
  /** By the same clock: when the newest beat that the database confirmed was sent. */
  confirmedMs(): number;
  /** In KiB, asked before the start. */
  freeBefore: Promise<number | null> | null;
  files: AttemptFiles;
  capsule: AttemptCapsule;
  watch: AttemptWatch;
  wall: WallLimit;
  interrupts: Interrupts;
  /** Stops the attempt. */
  stop(cause: StopCause): void;
}

/** The one program that an attempt may run, from the plan of its kind to its end. */
export class AttemptProgram implements ProgramListener {
  readonly #job: ClaimedJob;
  readonly #key: string;
  readonly #deps: AttemptProgramDependencies;
  readonly #parts: AttemptParts;
  readonly #outputLimit: number;
  readonly #over = Promise.withResolvers<void>();
  #performed: Promise<ProgramReport> | undefined;
  #printed: PrintedOutput | undefined;
  #isStarted = false;
  #isOver = false;
  #killTimer: NodeJS.Timeout | undefined;
  readonly #facts: ProgramFacts = {
    launchedAt: null,
    program: null,
    isReleased: false,
    end: null,
    lostReason: null,
    exceeded: null,
  };

  constructor(job: ClaimedJob, deps: AttemptProgramDependencies, parts: AttemptParts) {
    this.#job = job;
    this.#key = toLauncherKey(job);
    this.#deps = deps;
    this.#parts = parts;
    this.#outputLimit = toTerms(job.run, deps.settings).outputBytes;
  }

  /** Then nobody else may print. */
  get ownsOutput(): boolean {
    return this.#printed !== undefined;
  }

  /** The launcher may know it, and is to be told when it may forget. */
  get mayBeHeld(): boolean {
    return this.#isStarted || this.#facts.lostReason !== null;
  }

  /** What became of it so far. */
  get facts(): Readonly<ProgramFacts> {
    return this.#facts;
  }

  get ranMs(): number {
    const { launchedAt, end } = this.#facts;
    const endedAt = end?.endedAt ?? this.#deps.clock.now();
    return endedAt.getTime() - (launchedAt ?? endedAt).getTime();
  }

  /** @see KindContext.program */
  async perform(
    plan: () => Promise<ProgramPlan | NotStarted>,
    onLine?: (line: ProgramLine) => void,
  ): Promise<ProgramReport> {
    if (this.#performed) throw new Error('an attempt runs one program');
    this.#performed = this.#perform(plan, onLine);
    return this.#performed;
  }

  /** Resolves when nothing of it runs any more, or the worker lets go. */
  async settled(): Promise<void> {
    await this.#performed?.catch(() => {
      // Whoever asked for it was told.
    });
  }

  /** Asks the program to end, and ends it when it does not. */
  stop(): void {
    if (!this.#isStarted || this.#isOver || this.#killTimer) return;
    const { launcher, settings } = this.#deps;
    const graceMs = this.#parts.interrupts.graceMs ?? settings.killGraceMs;
    launcher.signal(this.#key, 'SIGTERM');
    this.#killTimer = setTimeout(() => launcher.signal(this.#key, 'SIGKILL'), graceMs);
  }

  /** The worker goes, the program stays. */
  abandon(): void {
    clearTimeout(this.#killTimer);
  }

  /** Its output is stored up to there. */
  confirm(upTo: StreamOffsets): void {
    if (this.#isStarted) this.#commit(upTo);
  }

  onOutput(frame: OutputFrame): void {
    this.#printed?.take(frame);
  }

  onWatched(news: ProgramNews): void {
    this.#parts.watch.accept(news);
  }

  onEnd(end: ProgramEnd): void {
    this.#facts.end = end;
    this.#finish();
  }

  onLost(reason: string): void {
    this.#printed?.gap(reason, new Date());
    this.#facts.lostReason = reason;
    this.#finish();
  }

  async #perform(
    plan: () => Promise<ProgramPlan | NotStarted>,
    onLine?: (line: ProgramLine) => void,
  ): Promise<ProgramReport> {
    const { adopted, interrupts, stop } = this.#parts;
    const feed = onLine ? new LineFeed(onLine) : null;
    const answer = adopted ? await this.#attach(adopted, feed) : await this.#launch(plan, feed);
    if (answer) return answer;
    if (interrupts.cause !== null) this.stop();
    await unlessAborted(this.#over.promise, interrupts.detached.signal, 'the worker stopped');
    // It ended while no worker was there: whether in time, its own clock says.
    const { end } = this.#facts;
    if (end && adopted?.ended && this.ranMs >= (this.#job.timeoutMs ?? Infinity)) stop('timeout');
    feed?.cut({ isRepeated: false });
    if (feed?.problem) throw feed.problem;
    return this.#report();
  }

  async #attach(adopted: HeldProgram, feed: LineFeed | null): Promise<null> {
    const { output, interrupts, wall } = this.#parts;
    const { reader, launcher } = this.#deps;
    const printed = this.#takeOutput(feed);
    this.#isStarted = true;
    this.#facts.launchedAt = adopted.startedAt;
    if (printed.isFull) this.#stopForOutput();
    if (!adopted.ended) wall.arm(this.ranMs);
    const { outputBase } = adopted;
    const read = (from: OutputPosition) => reader.pieces(this.#job, from);
    if (feed) await repeatOutput(feed, { read, outputBase, interrupts });
    launcher.attach(this.#key, output.received, this);
    return null;
  }

  /** Null: it runs. */
  async #launch(
    plan: () => Promise<ProgramPlan | NotStarted>,
    feed: LineFeed | null,
  ): Promise<ProgramReport | null> {
    const { settings, homeOf, secrets: opener, launcher } = this.#deps;
    const { files, capsule, interrupts, freeBefore } = this.#parts;
    const planned = await plan();
    if ('exitCode' in planned) return this.#refuse(planned);
    const openFolders = (owner: Account | null) => files.prepare(owner, interrupts.signal);
    const sources = { settings, homeOf, opener, openFolders };
    const spec = await interrupts.lookUp(() => specify(planned, this.#job, sources));
    if (!spec) return this.#report();
    if ('exitCode' in spec) return this.#refuse(spec);
    await capsule.take(spec, planned.script, files.laidOut);
    const freeBeforeKib = await freeBefore;
    // Nothing may be awaited between these questions and the launch.
    if (interrupts.cause !== null) return this.#report();
    this.#facts.isReleased = this.#hasOverslept();
    if (this.#facts.isReleased) return this.#report();
    const { file, args, cwd } = spec;
    this.#facts.program = { file, args, cwd };
    this.#takeOutput(feed);
    // What was printed in its place before, by the kind or by a start that was refused, stays where it is.
    spec.outputBase = this.#parts.output.received;
    if (needsFence(this.#job)) spec.fence = { sentMs: this.#parts.confirmedMs(), leaseMs: settings.leaseMs };
    const started = await launcher.launch(spec, this).catch((error: Error) => error);
    if (started instanceof Error) return this.#lose(started);
    if ('exitCode' in started) return started.isTooLate ? this.#release() : this.#refuse(started);
    this.#begin({ launchedAt: started.startedAt, program: this.#facts.program, freeBeforeKib });
    return null;
  }

  /**
   * This process stood still (stopped, suspended) since the claim. The attempt may have been given up meanwhile and be
   * tried again elsewhere, so its program is not begun any more; if it is still ours, it goes back to its queue.
   */
  #hasOverslept(): boolean {
    const { clock, settings } = this.#deps;
    return clock.monotonicMs() - this.#parts.askedMs > settings.leaseMs / 2;
  }

  #release(): ProgramReport {
    this.#printed = undefined;
    this.#facts.isReleased = true;
    return this.#report();
  }

  /** Whether it was started cannot be told, so it counts as started, and may have printed. */
  #lose({ message }: Error): ProgramReport {
    const { capsule, output } = this.#parts;
    capsule.mayHaveBegun();
    this.#printed = undefined;
    this.#facts.lostReason = message;
    output.gap(message, this.#deps.clock.now());
    return this.#report();
  }

  #begin(begun: BegunProgram): void {
    const { capsule, wall } = this.#parts;
    this.#isStarted = true;
    this.#facts.launchedAt = begun.launchedAt;
    capsule.begun(begun);
    wall.arm(this.ranMs);
  }

  #refuse({ exitCode, message }: NotStarted): ProgramReport {
    this.#printed = undefined;
    this.#parts.output.append('stderr', Buffer.from(`${message}\n`), this.#deps.clock.now());
    return { status: 'not_started', exitCode, message };
  }

  /** Without an end nothing was begun, or nobody knows how it ended. */
  #report(): ProgramReport {
    const { exitCode, signal } = this.#facts.end ?? { exitCode: null, signal: null };
    return { status: 'ended', exitCode, signal, stopped: this.#parts.interrupts.cause };
  }

  #takeOutput(feed: LineFeed | null): PrintedOutput {
    const { output, watch } = this.#parts;
    this.#printed = new PrintedOutput(output, feed, {
      limitBytes: this.#outputLimit,
      warnBytes: this.#outputLimit * (this.#deps.settings.warnAt ?? Infinity),
      onNear: (printedBytes) => watch.near(this.#hitBy(printedBytes)),
      onFull: () => {
        this.#stopForOutput();
        this.#commit(output.received);
      },
    });
    return this.#printed;
  }

  #stopForOutput(): void {
    this.#facts.exceeded ??= this.#hitBy(this.#outputLimit);
    this.#parts.stop('limit');
  }

  #hitBy(printedBytes: number): NearLimit {
    const at = this.#deps.clock.now().getTime();
    return { limit: 'output', value: printedBytes, max: this.#outputLimit, at };
  }

  /** Tells the launcher what it may drop. */
  #commit(stored: StreamOffsets): void {
    if (this.#printed) this.#deps.launcher.committed(this.#key, this.#printed.droppable(stored));
  }

  #finish(): void {
    this.#isOver = true;
    clearTimeout(this.#killTimer);
    this.#over.resolve();
  }
}
