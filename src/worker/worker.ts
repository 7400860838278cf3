import { attemptName, type AttemptId } from '../contract/attempt.ts';
import { AppError } from '../contract/errors.ts';
import type { OwnedAttempt, WorkerBeat, WorkerRow, WorkerStore } from '../domain/fleet/ports.ts';
import type { ClaimedJob, Jobs, RunningAttempt } from '../domain/jobs/ports.ts';
import type { LocalWork } from '../domain/jobs/local-ports.ts';
import { emptyOutcome, needsFence } from '../domain/jobs/ports.ts';
import type { KindRegistry, RunnableKind } from '../domain/jobs/kind-ports.ts';
import { delay } from '../lib/delay.ts';
import { describeFileProblem } from '../lib/file-problem.ts';
import type { Service } from '../lib/service.ts';
import { within } from '../lib/within.ts';
import { SpaceGuard } from '../machine/space-guard.ts';
import { AttemptRun, type AttemptRunOptions } from './attempt/attempt-run.ts';
import { toLauncherKey } from './attempt/launcher-key.ts';
import { Claimer } from './claimer.ts';
import { Claims } from './claims.ts';
import { actorOf } from './settings.ts';
import { StrayPrograms, type StrayProgramsDependencies } from './program/stray-programs.ts';

export interface WorkerOptions extends Omit<StrayProgramsDependencies, 'jobs'> {
  /** Stays the same over restarts. */
  id: string;
  identity: Pick<WorkerRow, 'host' | 'pid' | 'version'>;
  jobs: Jobs;
  /** Where it is found by what is stored in this process. */
  here: LocalWork;
  workers: WorkerStore;
  /** Registers for rings and calls; returns how to stop. */
  listen(listeners: { onRing(): void; onCall(): void }): () => void;
  kinds: KindRegistry<RunnableKind>;
}

/** How long a lost ring may delay a job. */
const pollMs = 2_000;

/**
 * Runs jobs in its slots. It beats: one counter for all its attempts, raised by the main loop, so that a stuck loop
 * falls silent. Each beat answers which attempts are still ours; one that is not is ended here, and one that we do not
 * know of (a claim whose answer was lost, a program left by an earlier life) is taken up or given back.
 *
 * A beat that was answered is passed on to the launcher, by when it was sent, for the programs that could be started a
 * second time: see `launcher/fence.ts`. A registration is a beat as well.
 */
export class Worker implements Service {
  readonly name = 'worker';
  readonly #options: WorkerOptions;
  readonly #runs = new Map<string, { run: AttemptRun; since: number; done: Promise<void> }>();
  readonly #claimer: Claimer;
  readonly #strays: StrayPrograms;
  readonly #stopping = new AbortController();
  #incarnation = 0;
  #isDraining = false;
  readonly #space: SpaceGuard;
  /** As the database knows it. */
  #problem: string | null = null;
  #beats: Promise<void> | undefined;
  #stopListening: (() => void) | undefined;
  readonly #claims: Claims;
  /** Raised by every beat; tells which runs a beat's answer can know of. */
  #beatNumber = 0;
  #looking: Promise<void> | undefined;
  #lookAgain = false;
  #isBeatFailing = false;
  /** By the monotonic clock: when the newest beat that the database confirmed was sent. */
  #confirmedMs = -Infinity;

  constructor(options: WorkerOptions) {
    this.#options = options;
    this.#strays = new StrayPrograms(options);
    const { homeDirectory, dataDirectory, minFreeBytes } = options.settings;
    this.#space = new SpaceGuard({
      directories: [homeDirectory, dataDirectory],
      leastBytes: minFreeBytes,
      describe: (free, least) =>
        `Only ${free} MiB are free for home and data; below ${least} MiB no new job is started.`,
      onLook: (problem) => void this.#tellProblem(problem),
      logger: options.logger,
    });
    this.#claimer = new Claimer({
      claim: (limit) => this.#claim(limit),
      slots: options.settings.slots,
      freeSlots: () => this.#freeSlots,
      obstacle: () => this.#obstacle,
      logger: options.logger,
      pollMs,
    });
    this.#claims = new Claims({
      ...options,
      claimer: this.#claimer,
      incarnation: () => this.#incarnation,
      mayClaim: () => !this.#stopping.signal.aborted && this.#obstacle === null && this.#isConfirmed,
      freeSlots: () => this.#freeSlots,
      runs: (key) => this.#runs.has(key),
      take: (claimed, askedMs) => this.#takeClaimed(claimed, askedMs),
    });
  }

  async start(): Promise<void> {
    const { folders, logger } = this.#options;
    await folders.open();
    await this.#options.launcher.start().catch((error: unknown) => {
      const why = describeFileProblem(error) ?? (error instanceof Error ? error.message : String(error));
      throw new AppError('configuration', why, { cause: error });
    });
    await this.#register(() => true);
    await folders.sweep(
      [...this.#runs.values()].map(({ run }) => run.job),
      logger,
    );
    this.#strays.endUnknown(new Set(this.#runs.keys()));
    this.#stopListening = this.#options.listen({
      onRing: () => this.#claimer.ring(),
      onCall: () => void this.#lookNow(),
    });
    await this.#space.start();
    this.#beats = this.#keepBeating();
    this.#options.here.worker = this.#claims;
    this.#claimer.start();
  }

  /** Takes no new work, leaves programs to the launcher for the next start. */
  async stop(): Promise<void> {
    if (this.#stopping.signal.aborted) return;
    this.#stopping.abort();
    this.#stopListening?.();
    await this.#space.stop();
    await this.#claimer.stop();
    for (const { run } of this.#runs.values()) run.detach();
    await this.#options.recorder.stop();
    await this.#options.starts.flush();
    await Promise.all([...this.#runs.values()].map(({ done }) => done));
    await this.#claims.underWay.settled();
    await this.#beats;
    await this.#looking;
    await this.#options.workers.stop(this.#options.id, this.#incarnation).catch((error: unknown) => {
      this.#options.logger.warn({ err: error }, 'The stop of this worker could not be recorded.');
    });
    await this.#options.launcher.stop();
  }

  /** Takes no new work and resolves when nothing runs any more. */
  async drain(): Promise<void> {
    await this.#claimer.stop();
    while (this.#runs.size > 0) await Promise.all([...this.#runs.values()].map(({ done }) => done));
  }

  /** Cancels whatever runs and resolves when it has ended. */
  async cancelAll(): Promise<void> {
    await this.#claimer.stop();
    for (const { run } of this.#runs.values()) run.stop('cancelled');
    await this.drain();
  }

  /** False while the launcher does not answer. */
  get launcherIsUp(): boolean {
    return this.#options.launcher.isUp;
  }

  get slots(): number {
    return this.#options.settings.slots;
  }

  /** Programs that run now. */
  get running(): number {
    return this.#runs.size;
  }

  get #freeSlots(): number {
    return this.#options.settings.slots - this.#runs.size - this.#claims.reserved;
  }

  /** A reason not to take work now. */
  get #obstacle(): string | null {
    return this.#space.obstacle ?? (this.#isDraining ? 'draining' : null);
  }

  /** @returns how many jobs it brought; they have begun */
  async #claim(limit: number): Promise<number> {
    await this.#requireConfirmed();
    const { request, answered } = this.#claims.begin(limit);
    let claimed: ClaimedJob[] | null = null;
    try {
      claimed = await this.#options.jobs.claim(request);
    } finally {
      await answered(claimed);
    }
    return claimed.length;
  }

  /** What is claimed begins at once. After the stop it goes back: nobody need wait for our next life. */
  async #takeClaimed(claimed: readonly ClaimedJob[], askedMs: number): Promise<void> {
    if (this.#stopping.signal.aborted) await Promise.all(claimed.map((job) => this.#release(job)));
    else for (const job of claimed) this.#begin(this.#createRun(job, { adopted: null, askedMs }));
  }

  get #isConfirmed(): boolean {
    const { clock, settings } = this.#options;
    return clock.monotonicMs() - this.#confirmedMs <= settings.leaseMs / 2;
  }

  /** What is claimed now might otherwise be ended by its fence, or given away, before the next beat. */
  async #requireConfirmed(): Promise<void> {
    if (this.#isConfirmed) return;
    await this.#lookNow();
    if (!this.#isConfirmed) throw new Error('no beat of this worker was confirmed for half a lease');
  }

  #createRun(job: ClaimedJob, options: Pick<AttemptRunOptions, 'adopted' | 'askedMs'>): AttemptRun {
    return new AttemptRun(job, this.#options, { ...options, confirmedMs: () => this.#confirmedMs });
  }

  #begin(run: AttemptRun): void {
    // What a beat brings that was under way at the stop is left to the next life.
    if (this.#stopping.signal.aborted) return;
    const done = run.run().then(() => {
      this.#runs.delete(run.key);
      if (this.#freeSlots > 0) this.#claimer.slotFreed();
    });
    this.#runs.set(run.key, { run, since: this.#beatNumber, done });
  }

  /** @returns what is ours now */
  async #register(isLost: (attempt: RunningAttempt) => boolean): Promise<readonly RunningAttempt[]> {
    const { id, identity, settings, kinds, workers, logger, clock } = this.#options;
    const sentMs = clock.monotonicMs();
    const { incarnation, running } = await workers.register({
      id,
      ...identity,
      name: settings.name,
      slots: settings.slots,
      queues: settings.queues,
      labels: settings.labels,
      kinds: kinds.names,
    });
    this.#incarnation = incarnation;
    this.#confirm(
      sentMs,
      running
        .map(({ job }) => job)
        .filter(needsFence)
        .map(toLauncherKey),
    );
    const unknown = running.filter((attempt) => !this.#runs.has(toLauncherKey(attempt)) && isLost(attempt));
    if (unknown.length === 0) return running;
    logger.info({ attempts: unknown.length }, 'Taking up attempts of an earlier life.');
    // Asked before: a program that was ended by its cancel would be told from one that failed by nothing else.
    const { owned } = await workers.beat(id, incarnation);
    const cancelled = new Map(owned.flatMap((one) => (one.cancelRequested ? [[one.jobId, one]] : [])));
    for (const attempt of unknown) await this.#takeUp(attempt, cancelled.get(attempt.jobId));
    return running;
  }

  /** An attempt the database says is ours and we did not know of. */
  async #takeUp(attempt: RunningAttempt, cancel: OwnedAttempt | undefined): Promise<void> {
    const { launcher } = this.#options;
    const key = toLauncherKey(attempt);
    const held = launcher.held.find((program) => program.key === key);
    if (held) {
      const run = this.#createRun(attempt.job, { adopted: held });
      if (cancel) run.stop('cancelled', cancel.cancelGraceMs);
      return this.#begin(run);
    }
    if (attempt.launchedAt !== null || launcher.startedBefore.includes(key))
      return this.#strays.giveUp(attempt);
    await this.#release(attempt.job);
  }

  /** The launcher never heard of it, so nothing of it ran: it goes back to its queue. */
  async #release(attempt: ClaimedJob): Promise<void> {
    const { jobs, settings, clock } = this.#options;
    const outcome = emptyOutcome('released', {
      reason: null,
      message: 'Taken back before its first instruction.',
      endedAt: clock.now().toISOString(),
    });
    await jobs.finish({ attempt, outcome, actor: actorOf(settings) });
  }

  async #keepBeating(): Promise<void> {
    const { signal } = this.#stopping;
    const { clock, settings } = this.#options;
    const everyMs = Math.min(10_000, settings.leaseMs / 5);
    for (let askedMs = clock.monotonicMs(); !signal.aborted;) {
      // An answer that takes long does not put off the next beat as well.
      await delay(Math.max(0, everyMs - (clock.monotonicMs() - askedMs)), signal);
      if (signal.aborted) return;
      askedMs = clock.monotonicMs();
      await this.#lookNow();
    }
  }

  /** Beats at once. Calls of one moment are one beat. */
  #lookNow(): Promise<void> {
    if (this.#looking) {
      this.#lookAgain = true;
      return this.#looking;
    }
    this.#looking = this.#look()
      .then(() => {
        this.#isBeatFailing = false;
      })
      .catch((error: unknown) => this.#noteFailedBeat(error))
      .finally(() => {
        this.#looking = undefined;
        if (!this.#lookAgain || this.#stopping.signal.aborted) return;
        this.#lookAgain = false;
        void this.#lookNow();
      });
    return this.#looking;
  }

  /** The first of a row is said, the others would say the same. */
  #noteFailedBeat(error: unknown): void {
    const { logger } = this.#options;
    const fields = { reason: error instanceof Error ? error.message : String(error) };
    if (this.#isBeatFailing) logger.debug(fields, 'A beat failed again.');
    else logger.warn(fields, 'A beat failed; trying again and again.');
    this.#isBeatFailing = true;
  }

  async #look(): Promise<void> {
    this.#beatNumber += 1;
    const number = this.#beatNumber;
    const sentMs = this.#options.clock.monotonicMs();
    // On a connection that went dead without a word an answer takes a minute; the next beat goes by another one.
    const beat = await within(this.#beat(number, sentMs), this.#options.settings.leaseMs / 4, 'A beat');
    if (this.#stopping.signal.aborted) return;
    this.#isDraining = beat.draining;
    if (beat.status === 'expired') {
      // Nothing is said of what is ours, and what was claimed since may be.
      this.#endForeign(await this.#register(() => false), number);
      return;
    }
    this.#cancelAsked(beat);
    this.#endForeign(beat.owned, number);
    const lost = this.#findLost(beat);
    if (lost.size > 0) await this.#register((attempt) => lost.has(attemptName(attempt)));
  }

  /** An answer that nobody waits for any more confirms all the same, by when it was asked for. */
  async #beat(number: number, sentMs: number): Promise<WorkerBeat> {
    const beat = await this.#options.workers.beat(this.#options.id, this.#incarnation);
    if (beat.status === 'alive' && !this.#stopping.signal.aborted)
      this.#confirm(sentMs, this.#fencedOf(beat, number));
    return beat;
  }

  #confirm(sentMs: number, keys: readonly string[]): void {
    this.#confirmedMs = Math.max(this.#confirmedMs, sentMs);
    this.#options.launcher.confirm({ sentMs, leaseMs: this.#options.settings.leaseMs }, keys);
  }

  /** Of the attempts that are still ours, or were claimed since, those whose programs must not outlive that. */
  #fencedOf({ owned }: WorkerBeat, beatNumber: number): string[] {
    const known = new Map(owned.map((attempt) => [attemptName(attempt), attempt]));
    return [...this.#runs.values()].flatMap(({ run: { job, key }, since }) => {
      const attempt = known.get(attemptName(job)) ?? (since < beatNumber ? null : job);
      return attempt && needsFence({ ...job, isLimited: attempt.isLimited }) ? [key] : [];
    });
  }

  /** Attempts that are called ours and that we do not know, and never will. */
  #findLost({ owned }: WorkerBeat): Set<string> {
    const known = new Set([...this.#runs.values()].map(({ run }) => attemptName(run.job)));
    return this.#claims.underWay.findLost(owned.map(attemptName).filter((name) => !known.has(name)));
  }

  #cancelAsked({ owned }: WorkerBeat): void {
    const asked = new Map(owned.flatMap((one) => (one.cancelRequested ? [[attemptName(one), one]] : [])));
    for (const { run } of this.#runs.values()) {
      const attempt = asked.get(attemptName(run.job));
      if (attempt) run.stop('cancelled', attempt.cancelGraceMs);
    }
  }

  /** Ends what a beat of that number, or what followed from it, does not name as ours. */
  #endForeign(owned: readonly AttemptId[], beatNumber: number): void {
    const names = new Set(owned.map(attemptName));
    for (const { run, since } of this.#runs.values())
      if (!names.has(attemptName(run.job)) && since < beatNumber) run.stop('expired');
  }

  /** A look that could not be told is told by the next one. */
  async #tellProblem(problem: string | null): Promise<void> {
    if (problem === this.#problem) return;
    const { workers, id, logger } = this.#options;
    try {
      await workers.setProblem(id, this.#incarnation, problem);
      this.#problem = problem;
    } catch (error) {
      logger.warn({ err: error }, 'What keeps this worker from its work could not be recorded yet.');
    }
  }
}
