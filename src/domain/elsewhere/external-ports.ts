import type { Actor, Owned } from '../../contract/actor.ts';
import type { AttemptKey } from '../../contract/attempt.ts';
import type {
  BeginExternal,
  BegunExternal,
  ExternalBeat,
  ExternalEnd,
  OutputPieceReport,
  ReceivedOutput,
} from '../../contract/external.ts';
import type { AttemptOutput, AttemptRef, StreamPositions } from '../output/ports.ts';
import type { Stream } from '../../contract/stream.ts';

/** Attempts that run somewhere else and are reported here while they run, or later. */
export interface ExternalAttempts {
  /** Idempotent by key. @throws AppError `invalid_input`, `idempotency_conflict` */
  begin(request: BeginExternal, actor: Actor): Promise<BegunExternal>;
  /**
   * Stores output; idempotent by offset. Also of an attempt that was given up: what it printed is true all the same.
   * @throws AppError `conflict` when a piece would leave a gap, or the attempt has ended
   */
  append(key: AttemptKey, pieces: readonly OutputPieceReport[]): Promise<ReceivedOutput>;
  beat(key: AttemptKey): Promise<ExternalBeat>;
  /** Idempotent. A late end is kept, never applied. @throws AppError `conflict` for an attempt that is none of these */
  finish(key: AttemptKey, end: ExternalEnd, actor: Actor): Promise<void>;
}

export interface NewExternal extends Owned {
  uid: string;
  key: string;
  bodyHash: string;
  kind: string;
  name: string;
  input: unknown;
  holder: string;
  startedAt: string;
  project: string | null;
  tags: readonly string[];
}

export interface ExternalStore {
  /** One transaction: job, attempt, lease. `conflict`: the key was used with another body. */
  begin(attempt: NewExternal): Promise<AttemptKey | 'conflict'>;
  beat(key: AttemptKey): Promise<ExternalBeat>;
  /**
   * Runs `work` while nobody else appends to this attempt or ends it, on its output; `null`: there is no such attempt
   * that may still print.
   */
  appendTo<T>(
    key: AttemptKey,
    work: (attempt: AttemptRef, output: AttemptOutput) => Promise<T>,
  ): Promise<T | null>;
  /** False for an attempt of a slot, which its worker ends, or under another token. */
  knows(key: AttemptKey): Promise<boolean>;
  /** Gives the lease back, after the end. */
  release(key: AttemptKey): Promise<void>;
}

/** How output is appended: `output/append.ts`, handed in by the composition root. */
export type AppendOutput = (
  store: AttemptOutput,
  attempt: AttemptRef,
  pieces: readonly { stream: Stream; offset: number; at: Date; bytes: Buffer }[],
) => Promise<StreamPositions>;
