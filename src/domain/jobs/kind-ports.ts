import type { z } from 'zod';
import type { Owned } from '../../contract/actor.ts';
import type { Verdict } from '../../contract/job.ts';
import type { FailureReason } from '../../contract/states.ts';
import type { DonePart, NewPart } from '../reports/part-ports.ts';
import type { SeriesPoints } from '../reports/series-ports.ts';
import type { Stream } from '../../contract/stream.ts';

/** One kind of work, as everybody knows it who takes, shows or repeats jobs. */
export interface Kind<Input = unknown, Result = unknown> {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  /** What is asked. Makes the check of the API, its documentation, the form and the help of the CLI. */
  readonly input: z.ZodType<Input>;
  /**
   * What a job that succeeded came to; no result counts as one without members. One that does not fit is kept all the
   * same, and the message of the attempt says what is wrong.
   */
  readonly result: z.ZodType<Result>;
  /** What lists show when the submit names nothing. */
  nameOf(input: Input): string;
  /** Named secrets that an input refers to: whether the owner may use them is asked at the submit and before `run`. */
  secretsOf?(input: Input): SecretUse[];
  /**
   * To do this twice does no harm. Where the submit says nothing of retries, an attempt that is lost with its worker is
   * then tried again, and `partsDone` tells the next one what need not be repeated.
   */
  isRepeatable?(input: Input): boolean;
  /**
   * The member of an input that names a file of the scripts directory, for a kind whose jobs do what a script says. Such
   * a job can run again as it was, by the text that the record keeps: see `KindJob.pinnedScript`.
   */
  readonly scriptMember?: string;
  /** Its jobs run by `context.program`, so that a submit may say how: limits, variables, standard input, folder. */
  readonly runsProgram: boolean;
  /** Submitted by Daybook itself only, never by people. */
  readonly isInternal?: boolean;
}

/** The same for a worker, with what does its jobs. */
export interface RunnableKind<Input = unknown, Result = unknown> extends Kind<Input, Result> {
  run(job: KindJob<Input>, context: KindContext): Promise<KindOutcome>;
}

export interface SecretUse {
  /** Its place within the input: `headers.0.1`. */
  field: string;
  name: string;
}

export interface KindJob<Input> extends Readonly<Owned> {
  readonly id: number;
  readonly uid: string;
  readonly attempt: number;
  readonly name: string;
  readonly input: Input;
  /** A kept text to run instead of today's script, as a file; null: today's. */
  readonly pinnedScript: string | null;
}

/** Why a running attempt is stopped. */
export type StopCause = 'cancelled' | 'timeout' | 'limit' | 'expired';

/** The worker stops; the next life begins the job anew, and what `run` still says counts for nothing. */
export type Detached = 'detached';

/**
 * What `run` works with. It runs in the process of the worker and with its rights, which may be those of root; the
 * programs of people have fewer. So a kind that opens what a person named walks there (`src/lib/confined-walk.ts`), and
 * what reads or writes as they may belongs into a program.
 */
export interface KindContext {
  /** Aborted when the attempt must end; its `reason` is a `StopCause` or `Detached`. */
  readonly signal: AbortSignal;
  /** Values of the secrets that the input refers to, by name. The record never has them. */
  readonly secrets: ReadonlyMap<string, string>;
  /**
   * Texts by which those would be known, for `createMask`. Whatever goes through this context is masked anyway; a kind
   * masks what it is about to cut, since half a secret is not found any more.
   */
  readonly hidden: readonly string[];
  /**
   * Writes a line into the job's output. Not once a program was started: the output is then the program's. After a
   * restart that took a program up nothing is written again.
   */
  log(line: string, stream?: Stream): void;
  progress(fraction: number | null, message?: string | null): void;
  series(points: SeriesPoints): void;
  /** Members are merged into the job's result. */
  result(members: Record<string, unknown>): void;
  /**
   * Stores the outcome of one of the many things that the job does. Resolves when there is room for the next; all are
   * stored before the job ends.
   */
  part(part: NewPart): Promise<void>;
  /** What attempts of this job did before they were interrupted, so that it need not be done again. */
  partsDone(): Promise<DonePart[]>;
  /** The newest good part with this key, of another job of this kind that the owner may see. */
  lastGood(key: string): Promise<{ jobId: number; facts: unknown } | null>;
  /** Makes another job the base run of this one, where people named none. */
  compareWith(jobId: number): Promise<void>;
  /**
   * Runs the attempt's program and resolves when it ended and all it printed has come. After a restart of the worker
   * `run` is called anew, `plan` is not, and this resolves with the end of the program that ran on meanwhile.
   *
   * `onLine` is shown what the record keeps of both streams, in order of arrival, line by line; of a line longer than
   * 64 KiB, pieces. It is called by the main loop of the worker and not waited for: it must be quick, and nothing it
   * does holds the program back. An error in it leaves the program alone; nothing more is shown then, and this rejects
   * with it at the end.
   *
   * After a restart it is first shown once more what is stored, marked as repeated, then what came meanwhile: so what
   * `run` gathers from lines is whole each time, and of what is repeated it reports nothing again but its result. Of
   * a worker that was killed, what it had not stored yet comes as new though its `run` was shown it, and what that
   * reported in its last half second may be missing.
   */
  program(
    plan: () => Promise<ProgramPlan | NotStarted>,
    onLine?: (line: ProgramLine) => void,
  ): Promise<ProgramReport>;
}

/** What a program printed, secrets of its environment hidden. */
export interface ProgramLine {
  stream: Stream;
  /** Without the end of the line. */
  text: string;
  /** When it began to arrive. */
  at: Date;
  /** It was stored by an earlier life of the worker, whose `run` has seen it. */
  isRepeated: boolean;
}

export interface ProgramPlan {
  /** A path, or a bare name looked up on PATH. */
  file: string;
  args: readonly string[];
  /** The file that says what is done, kept in the record of the attempt; null when there is no such file. */
  script: string | null;
}

/** Exit codes as a shell reports them: 127 no such program, 126 not executable. */
export interface NotStarted {
  exitCode: 126 | 127;
  message: string;
}

export type ProgramReport =
  | { status: 'not_started'; exitCode: 126 | 127; message: string }
  | { status: 'ended'; exitCode: number | null; signal: string | null; stopped: StopCause | null };

/** What a run came to. `stopped` attempts become cancelled, timed out … by their cause, whatever is said here. */
export type KindOutcome =
  | { state: 'succeeded'; exitCode?: number; verdict?: Verdict }
  /** It came to its end without finding out what it was made for, and nobody is to blame: no failure, no success. */
  | { state: 'finished'; message: string; exitCode?: number; verdict: Verdict }
  | {
      state: 'failed';
      reason: Extract<FailureReason, 'exit' | 'signal' | 'error' | 'rejected'>;
      message: string;
      exitCode?: number;
      signal?: string;
      verdict?: Verdict;
    };

/** A kind whose attempts run elsewhere and are only reported: nobody submits one, and no worker takes it. */
export interface ExternalKind {
  readonly name: string;
  readonly description: string;
  readonly input: z.ZodType;
  /** Of an input that was checked. */
  nameOf(input: unknown): string;
}

/** Every kind this process knows. */
export interface KindRegistry<Known extends Kind = Kind> {
  readonly names: readonly string[];
  readonly list: readonly Known[];
  get(name: string): Known | undefined;
}
