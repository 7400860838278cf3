import type { AttemptOutcome, ClaimedJob, Jobs, JobStore } from '../../domain/jobs/ports.ts';
import type { CapsuleStore } from '../../domain/again/capsule-ports.ts';
import type { Files, FileStore } from '../../domain/files/ports.ts';
import type { SeriesStore } from '../../domain/reports/series-ports.ts';
import type { PartStore } from '../../domain/reports/part-ports.ts';
import type { OutputRecorder, OutputSink } from '../../domain/output/ports.ts';
import type {
  KindContext,
  KindOutcome,
  KindRegistry,
  RunnableKind,
  StopCause,
} from '../../domain/jobs/kind-ports.ts';
import type { HeldProgram } from '../../launcher/protocol.ts';
import { withFields } from '../../lib/logger.ts';
import type { OutputCopies } from '../files/output-copies.ts';
import type { AttemptFolders } from '../files/attempt-folders.ts';
import { AttemptFiles } from '../files/attempt-files.ts';
import { AttemptCapsule } from './attempt-capsule.ts';
import { AttemptProgram, type AttemptProgramDependencies } from './attempt-program.ts';
import { AttemptWatch } from './attempt-watch.ts';
import { freeKib } from '../../lib/free-space.ts';
import { toLauncherKey } from './launcher-key.ts';
import { Measurements } from './measurements.ts';
import { PartRecorder } from './part-recorder.ts';
import { toOutcome } from './outcome.ts';
import { openInput } from './attempt-secrets.ts';
import { runKind } from './run-kind.ts';
import { writePinnedScript } from '../program/pinned-script.ts';
import { actorOf } from '../settings.ts';
import { Interrupts } from './interrupts.ts';
import type { StartRecorder } from './start-recorder.ts';
import { WallLimit } from './wall-limit.ts';

export interface AttemptRunDependencies extends AttemptProgramDependencies {
  kinds: KindRegistry<RunnableKind>;
  jobs: Pick<Jobs, 'finish'>;
  store: Pick<JobStore, 'nearLimit' | 'reportsLeftOut' | 'setBaseRun' | 'setProgress'>;
  series: SeriesStore;
  parts: PartStore;
  capsules: CapsuleStore;
  starts: StartRecorder;
  files: Files;
  fileStore: FileStore;
  folders: AttemptFolders;
  recorder: OutputRecorder;
  copies: OutputCopies;
}

export interface AttemptRunOptions {
  /** Set when the launcher still holds the program that an earlier life of this worker started. */
  adopted: HeldProgram | null;
  /** By the monotonic clock: when the claim was asked for. By default now. */
  askedMs?: number;
  /** By the monotonic clock: when the newest beat that the database confirmed was sent. */
  confirmedMs(): number;
}

const noSecrets: ReadonlyMap<string, string> = new Map();

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
  readonly #adopted: HeldProgram | null;
  readonly #interrupts: Interrupts;
  readonly #measurements: Measurements;
  readonly #parts: PartRecorder;
  readonly #watch: AttemptWatch;
  readonly #capsule: AttemptCapsule;
  readonly #files: AttemptFiles;
  #program: AttemptProgram | undefined;
  readonly #askedMs: number;
  readonly #confirmedMs: () => number;
  readonly #wall: WallLimit;

  constructor(job: ClaimedJob, deps: AttemptRunDependencies, options: AttemptRunOptions) {
    this.job = job;
    this.key = toLauncherKey(job);
    const logger = withFields(deps.logger, { job: job.jobId, attempt: job.number });
    this.#deps = { ...deps, logger };
    this.#adopted = options.adopted;
    this.#interrupts = new Interrupts(logger);
    this.#askedMs = options.askedMs ?? deps.clock.monotonicMs();
    this.#confirmedMs = options.confirmedMs;
    this.#capsule = new AttemptCapsule(job, deps, { isAdopted: options.adopted !== null });
    this.#files = new AttemptFiles(job, deps, { isAdopted: options.adopted !== null });
    this.#watch = new AttemptWatch(
      job,
      { jobs: deps.store, series: deps.series },
      { isAdopted: options.adopted !== null, logger },
    );
    this.#wall = new WallLimit({
      limitMs: job.timeoutMs,
      warnAt: deps.settings.warnAt,
      onNear: (value) => {
        const max = (job.timeoutMs ?? 0) / 1000;
        this.#watch.near({ limit: 'wall', value, max, at: deps.clock.now().getTime() });
      },
      onTime: () => this.stop('timeout'),
    });
    this.#parts = new PartRecorder(job, deps.parts, (action) => this.#interrupts.persist(action));
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

  /**
   * Ends the attempt for a reason; the first reason counts.
   * @param graceMs how long its program has to end by itself; null: as long as this worker gives
   */
  stop(cause: StopCause, graceMs: number | null = null): void {
    if (!this.#interrupts.stop(cause, graceMs)) return;
    this.#wall.clear();
    this.#program?.stop();
  }

  /** The worker stops: the program runs on in the launcher, and the next life takes it up. */
  detach(): void {
    this.#interrupts.detach();
    this.#program?.abandon();
    this.#wall.clear();
  }

  async #run(): Promise<void> {
    const { settings, copies } = this.#deps;
    // Asked while the start is prepared.
    const freeBefore = this.#adopted ? null : freeKib(settings.homeDirectory);
    const output = await this.#openOutput();
    const program = this.#createProgram(output, freeBefore);
    this.#program = program;
    const outcome = await this.#perform(output, program);
    await this.#watch.close(program.ranMs);
    if (this.#interrupts.detached.aborted) return this.#measurements.close();
    if (!(await this.#interrupts.untilDone(() => this.#files.close(this.#interrupts.detached)))) return;
    const details: AttemptOutcome = {
      ...toOutcome(outcome, {
        ...program.facts,
        stopped: this.#interrupts.cause,
        result: this.#measurements.result,
        leftOut: this.#measurements.leftOut,
        resultSchema: this.#deps.kinds.get(this.job.kind)?.result ?? null,
        now: this.#deps.clock.now(),
        timeoutMs: this.job.timeoutMs,
      }),
      freeBeforeKib: await freeBefore,
      freeAfterKib: await freeKib(settings.homeDirectory),
      stdoutBytes: output.received.stdout,
      stderrBytes: output.received.stderr,
    };
    await this.#measurements.close();
    if (!(await output.close())) return;
    await copies.write(this.job);
    if (!(await this.#interrupts.untilDone(() => this.#capsule.close()))) return;
    if (!(await this.#interrupts.untilDone(() => this.#tellLeftOut()))) return;
    const isFinished = await this.#finish(details);
    if (isFinished && program.mayBeHeld) this.#deps.launcher.forget(this.key);
  }

  async #openOutput(): Promise<OutputSink> {
    const { reader, recorder } = this.#deps;
    const { jobId, number, claimedAt } = this.job;
    const options = {
      jobId,
      number,
      claimedAt,
      onProtocol: (member: unknown) => this.#measurements.accept(member),
      onStored: (upTo: { stdout: number; stderr: number }) => this.#program?.confirm(upTo),
    };
    if (!this.#adopted) return recorder.open(options);
    const output = await recorder.reopen(options);
    const start = { stdout: 0, stderr: 0, chunk: 0, gaps: 0 };
    await this.#measurements.rereadResult(reader.pieces(this.job, start));
    return output;
  }

  #createProgram(output: OutputSink, freeBefore: Promise<number | null> | null): AttemptProgram {
    return new AttemptProgram(this.job, this.#deps, {
      output,
      adopted: this.#adopted,
      askedMs: this.#askedMs,
      confirmedMs: this.#confirmedMs,
      freeBefore,
      files: this.#files,
      capsule: this.#capsule,
      watch: this.#watch,
      wall: this.#wall,
      interrupts: this.#interrupts,
      stop: (cause) => this.stop(cause),
    });
  }

  async #tellLeftOut(): Promise<void> {
    const { leftOut } = this.#measurements;
    if (leftOut) await this.#deps.store.reportsLeftOut(this.job, leftOut);
  }

  /** False: the worker was told to let go before it was stored. */
  #finish(outcome: AttemptOutcome): Promise<boolean> {
    const { jobs, settings } = this.#deps;
    const capsule = this.#capsule.unrecorded;
    const ended = { attempt: this.job, outcome, capsule, actor: actorOf(settings) };
    return this.#interrupts.untilDone(() => jobs.finish(ended));
  }

  async #perform(output: OutputSink, program: AttemptProgram): Promise<KindOutcome> {
    const kind = this.#deps.kinds.get(this.job.kind);
    if (!kind)
      return {
        state: 'failed',
        reason: 'error',
        message: `This worker does not know the kind ${this.job.kind}.`,
      };
    if (!kind.runsProgram) this.#wall.arm(0);
    try {
      return await this.#runKind(kind, output, program);
    } catch (error) {
      if (!this.#interrupts.detached.aborted) {
        this.#deps.logger.error({ err: error, kind: kind.name }, 'A kind failed unexpectedly.');
      }
      const message = error instanceof Error ? error.message : String(error);
      return { state: 'failed', reason: 'error', message };
    }
  }

  /** A kind that fails may leave a program and parts under way; they are of the attempt all the same. */
  async #runKind(kind: RunnableKind, output: OutputSink, program: AttemptProgram): Promise<KindOutcome> {
    const { secrets: opener } = this.#deps;
    const job = await this.#toKindJob(kind);
    try {
      return await runKind(kind, job, this.#context(output, program), (uses) =>
        this.#interrupts.lookUp(() => openInput(uses, { opener, owner: this.job })),
      );
    } finally {
      await program.settled();
      await this.#parts.close();
    }
  }

  async #toKindJob(kind: RunnableKind): Promise<Parameters<RunnableKind['run']>[0]> {
    const { jobId, uid, number, name, owner, ownerId, input } = this.job;
    const { capsules, settings } = this.#deps;
    const place = { capsules, scriptMember: kind.scriptMember, directory: settings.pinnedDirectory };
    const pinnedScript = this.#adopted
      ? null
      : await this.#interrupts.lookUp(() => writePinnedScript(this.job, place));
    return {
      id: jobId,
      uid,
      attempt: number,
      name,
      owner,
      ownerId,
      input: kind.input.parse(input),
      pinnedScript,
    };
  }

  #context(output: OutputSink, program: AttemptProgram): KindContext {
    const { store, parts } = this.#deps;
    const { jobId, kind, owner, ownerId } = this.job;
    const actor = { name: owner, accountId: ownerId, role: 'member' as const };
    const interrupts = this.#interrupts;
    return {
      // Made when the kind asks for it.
      get signal() {
        return interrupts.signal;
      },
      secrets: noSecrets,
      hidden: [],
      log: (line, stream = 'stdout') => {
        if (program.ownsOutput) throw new Error('the output belongs to the program');
        // It was said in the life that started the program.
        if (this.#adopted) return;
        output.append(stream, Buffer.from(`${line}\n`), this.#deps.clock.now());
      },
      progress: (fraction, message) => this.#measurements.progress(fraction, message ?? null),
      series: (points) => this.#measurements.series(points),
      result: (members) => this.#measurements.addResult(members),
      part: (part) => this.#parts.add(part),
      partsDone: async () => (await this.#interrupts.lookUp(() => parts.done(this.job))) ?? [],
      lastGood: (key) =>
        this.#interrupts.lookUp(() => parts.lastGood({ kind, key, otherThan: jobId }, actor)),
      compareWith: async (base) =>
        void (await this.#interrupts.lookUp(() => store.setBaseRun(this.job, base))),
      program: (plan, onLine) => program.perform(plan, onLine),
    };
  }
}
