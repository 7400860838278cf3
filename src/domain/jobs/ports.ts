import type { Actor, Owned } from '../../contract/actor.ts';
import type { AttemptKey } from '../../contract/attempt.ts';
import type { CancelWish } from '../../contract/cancel.ts';
import type { JobChange } from '../../contract/job-change.ts';
import type { BaseRunName, RetryPolicy, Verdict } from '../../contract/job.ts';
import type { RunOptions } from '../../contract/run-options.ts';
import type { NewCapsule } from '../again/capsule-ports.ts';
import type { AttemptOutput } from '../output/ports.ts';
import type { AttemptState, FailureReason, JobState } from '../../contract/states.ts';
import type { Submits } from './submit-ports.ts';

/** Where a job waits: a queue, and the labels a worker must offer. */
export interface Place {
  queue: string;
  needs: readonly string[];
}

/** A job about to be stored, everything decided. */
export interface NewJob extends Owned {
  uid: string;
  kind: string;
  name: string;
  state: 'waiting' | 'queued' | 'scheduled';
  queue: string;
  needs: readonly string[];
  /** Keys of counted limits; those that have a row in `lanes` count. */
  lanes: readonly string[];
  /** The lane to make, with one place, when it does not exist yet. */
  ownLane: string | null;
  priority: number;
  runAt: string | null;
  project: string | null;
  tags: readonly string[];
  parentId: number | null;
  input: unknown;
  retry: RetryPolicy;
  timeoutMs: number | null;
  /** How its program runs; null when nothing was said. */
  run: RunOptions | null;
  /** The job that it runs once more. */
  againOf: number | null;
  /** Hash of the kept script text to run instead of today's script. */
  scriptSha256: string | null;
  /** What it runs after; jobs that exist. */
  after: readonly Dependency[];
  info: string | null;
  baseRuns: readonly BaseRunName[];
  idempotency: { scope: string; key: string; bodyHash: string } | null;
}

/** A job that another one waits for. */
export interface Dependency {
  jobId: number;
  /** Else it is enough that it ends. */
  mustSucceed: boolean;
}

export type SubmitOutcome =
  | {
      status: 'stored';
      id: number;
      uid: string;
      place: Place;
      isNew: boolean;
      /** Of a new one. */
      submittedAt?: Date;
      /** It runs already. */
      isClaimed?: true;
    }
  | { status: 'key_conflict' }
  | { status: 'unknown_queue' }
  | { status: 'queue_draining' }
  | { status: 'refused'; message: string };

/** Failures that are alike. */
export interface FailureFamily {
  /** The same for the same signature, on every machine. */
  id: string;
  signature: string;
}

export interface ClaimRequest {
  workerId: string;
  incarnation: number;
  queues: readonly string[];
  labels: readonly string[];
  kinds: readonly string[];
  limit: number;
}

/** All that a worker needs to run an attempt. */
export interface ClaimedJob extends AttemptKey, Owned {
  uid: string;
  kind: string;
  name: string;
  input: unknown;
  retry: RetryPolicy;
  timeoutMs: number | null;
  run: RunOptions | null;
  /** Hash of the kept script text to run instead of today's script. */
  scriptSha256: string | null;
  /** Tries so far, this one included; attempts that were taken back do not count. */
  tries: number;
  /** It holds a place in a limited lane. */
  isLimited: boolean;
  claimedAt: Date;
  /** From when the job was first due to this claim. */
  waitedMs?: number;
}

/**
 * Whether somebody is started in the place of an attempt that is given up: its job again, or the next one of a limited
 * lane. Its program must then be gone. Any other program runs on, with its worker or without.
 */
export function needsFence({
  retry,
  tries,
  isLimited,
}: Pick<ClaimedJob, 'retry' | 'tries' | 'isLimited'>): boolean {
  return isLimited || (tries < retry.attempts && retry.on.includes('lost'));
}

/** What an attempt came to, as the worker (or the rescuer) knows it. */
export interface AttemptOutcome {
  state: Exclude<AttemptState, 'running'>;
  reason: FailureReason | null;
  message: string | null;
  exitCode: number | null;
  signal: string | null;
  endedAt: string;
  launchedAt: string | null;
  freeBeforeKib: number | null;
  freeAfterKib: number | null;
  cpuMs: number | null;
  maxRssBytes: number | null;
  readBytes: number | null;
  writtenBytes: number | null;
  program: unknown;
  stdoutBytes: number | null;
  stderrBytes: number | null;
  /** The line of its output that says best what went wrong. */
  errorLine: string | null;
  /** The message says what went wrong; a line that only sounds like it is not looked for. */
  isExplained?: boolean;
  verdict: Verdict | null;
  /** `undefined`: there is none. */
  result?: unknown;
}

/** An outcome of which nothing is known but how it ended. */
export function emptyOutcome(
  state: AttemptOutcome['state'],
  details: Partial<AttemptOutcome> & { endedAt: string; reason: FailureReason | null },
): AttemptOutcome {
  return {
    state,
    message: null,
    exitCode: null,
    signal: null,
    launchedAt: null,
    freeBeforeKib: null,
    freeAfterKib: null,
    cpuMs: null,
    maxRssBytes: null,
    readBytes: null,
    writtenBytes: null,
    program: null,
    stdoutBytes: null,
    stderrBytes: null,
    errorLine: null,
    verdict: null,
    ...details,
  };
}

/** A limit that an attempt came near to. `value` and `max` in bytes, seconds, or as a count. */
export interface NearLimit {
  limit: 'memory' | 'cpu' | 'processes' | 'open-files' | 'wall' | 'output';
  value: number;
  max: number;
  /** Milliseconds of the wall clock. */
  at: number;
}

/** The start of the program of an attempt. */
export interface Start extends AttemptKey {
  launchedAt: string;
  program: unknown;
  freeBeforeKib: number | null;
  /** What it was started with. */
  capsule: NewCapsule | null;
}

/** An outcome together with what it means for the job. */
export interface Finish extends AttemptKey {
  outcome: AttemptOutcome;
  next: {
    state: Extract<JobState, 'succeeded' | 'failed' | 'cancelled' | 'finished' | 'queued' | 'scheduled'>;
    runAt: string | null;
  };
  /** Of a failure: those that are alike. */
  family: FailureFamily | null;
  /** What its program was started with, when that is not in the record yet. */
  capsule?: NewCapsule | null;
  actor: string;
}

/** The end of an attempt as its worker reports it. */
export interface EndedAttempt {
  /** With what says whether its job is tried again. */
  attempt: AttemptKey & Pick<ClaimedJob, 'retry' | 'tries'>;
  outcome: AttemptOutcome;
  /** What its program was started with, when that is not in the record yet. */
  capsule?: NewCapsule | null;
  actor: string;
}

export interface FinishedJob {
  jobId: number;
  /** `stale`: the attempt was no longer running under this token; the outcome is kept, the job untouched. */
  status: 'applied' | 'stale';
  state: JobState | null;
  /** Null when the job has moved on, or is gone. */
  kind: string | null;
  /** From the claim to the end; 0 when stale. */
  ranMs: number;
  place: Place | null;
  freedLanes: readonly string[];
  /** Other jobs wait for it. */
  hasDependants: boolean;
}

export interface FinishedAndClaimed {
  finished: FinishedJob[];
  claimed: ClaimedJob[];
}

/** So many places were counted as taken while so many attempts held one. */
export type RecountedLane = Record<'taken' | 'held', number> & { key: string };

/** What became of jobs that waited for others. */
export interface SettledJobs {
  /** Where jobs can be taken now. */
  places: Place[];
  /** Jobs that can never run. */
  rejected: number[];
}

export interface RetriedJob {
  state: 'queued' | 'waiting';
  place: Place;
}

/** What a program reported beyond what is kept of reports. */
export interface ReportsLeftOut {
  /** Members of the result, each as often as it was reported. */
  members: number;
  /** Reports of series with further names. */
  series: number;
}

export interface RunningAttempt extends AttemptKey {
  job: ClaimedJob;
  launchedAt: Date | null;
}

/**
 * What the life of a job needs from a store. Every method is one transaction, safe to call from any number of
 * processes at once.
 */
export interface JobStore {
  /** Stores jobs; outcomes in the order of the argument. A row that is refused never spoils its neighbours. */
  submit(batch: readonly NewJob[]): Promise<SubmitOutcome[]>;
  /**
   * Stores a job as running on the worker that asks, where it would be claimed next anyway: nothing waits that this worker
   * serves, and nothing holds the job back. Null: neither the job nor its key is stored, and it is to be submitted.
   */
  submitClaimed(job: NewJob, request: ClaimRequest): Promise<ClaimedJob | null>;
  /** Takes the best eligible jobs, highest priority first, then oldest; never one that another claim holds. */
  claim(request: ClaimRequest): Promise<ClaimedJob[]>;
  /** Ends attempts. Idempotent: a second end of an attempt is `stale`. */
  finish(batch: readonly Finish[]): Promise<FinishedJob[]>;
  /** The same, and a claim in one. It may claim less than there is. */
  finishAndClaim(batch: readonly Finish[], request: ClaimRequest): Promise<FinishedAndClaimed>;
  /**
   * Ends an attempt that was given up, unless it has ended meanwhile: null, and nothing is kept. `work` adds to its output
   * in the same transaction.
   */
  lose(finish: Finish, work: (output: AttemptOutput) => Promise<void>): Promise<FinishedJob | null>;
  /** Records that programs were started; false for an attempt that runs no more. */
  recordStarts(batch: readonly Start[]): Promise<boolean[]>;
  setProgress(batch: readonly (AttemptKey & { progress: unknown })[]): Promise<void>;
  /** Leaves an event and a tag; once for each attempt and limit, however often it is told. */
  nearLimit(attempt: AttemptKey, hit: NearLimit): Promise<void>;
  /** Leaves an event; once for each attempt, however often it is told. */
  reportsLeftOut(attempt: AttemptKey, leftOut: ReportsLeftOut): Promise<void>;

  /** Compares the job with another one, unless it has a base run already or the attempt runs no more. */
  setBaseRun(attempt: AttemptKey, baseJobId: number): Promise<void>;

  /** Cancels jobs that wait; asks for the end of those that run: the first wish counts. Jobs that ended are left alone. */
  cancel(
    ids: readonly number[],
    actor: string,
    wish?: CancelWish,
  ): Promise<{ id: number; state: JobState; workerId: string | null }[]>;
  /** Puts an ended job back into its queue, or to where it waits. `null`: its state does not allow it (any more). */
  retry(id: number, actor: string): Promise<RetriedJob | 'queue_draining' | null>;
  /** Decides about jobs that wait for these (null: for any) to end. */
  settleDependants(options: { of: readonly number[] | null; limit: number }): Promise<SettledJobs>;
  change(id: number, change: JobChange, actor: string): Promise<ChangeOutcome>;
  remove(id: number): Promise<boolean>;

  /** Moves due jobs to their queues, and waiting ones whose lane has room again. */
  sweep(limit: number): Promise<Place[]>;
  /** Makes retries due that a clock which was ahead put further away than their policy does. How many. */
  bringBackRetries(): Promise<number>;
  /** Takes out rows that are dead, and counts anew who holds a limit, where that was wrong. */
  keepInOrder(): Promise<{ lanes: RecountedLane[] }>;
  /** Drops what only served repetition: idempotency keys older than this. */
  forgetIdempotencyKeys(olderThanMs: number): Promise<number>;
}

export type ChangeOutcome =
  | { status: 'changed'; place: Place | null }
  /** Queue and priority of a job that does not wait any more. */
  | { status: 'refused' }
  | { status: 'unknown_queue' }
  | { status: 'queue_draining' }
  /** A base run was removed meanwhile. */
  | { status: 'unknown_base' };

/** What becomes of jobs that are there. */
export interface JobLife {
  /** The jobs touched, with the state they have now: `cancelled`, or `running` until their worker has ended them. */
  cancel(ids: readonly number[], actor: Actor, wish?: CancelWish): Promise<{ id: number; state: JobState }[]>;
  /** False when the job's state does not allow it. @throws AppError `queue_draining` */
  retry(id: number, actor: Actor): Promise<boolean>;
  /** @throws AppError `invalid_input` for a queue or base run that is not there, `queue_draining`; false when the job's state does not allow it */
  change(id: number, change: JobChange, actor: Actor): Promise<boolean>;
  remove(id: number): Promise<boolean>;
  claim(request: ClaimRequest): Promise<ClaimedJob[]>;
  /** Ends an attempt, and decides by its outcome and the retry policy what becomes of the job. */
  finish(ended: EndedAttempt): Promise<FinishedJob>;
}

/** The use cases of the domain. */
export interface Jobs extends Submits, JobLife {}

/** Says where there is something to look at, and carries no job: see `adapters/queue/ports.ts`. */
export interface Bell {
  ring(places: readonly Place[]): void;
  callWorkers(workerIds: readonly string[]): void;
  /** Something changed that live views show. */
  announce(): void;
}
