import type { AttemptId } from '../../contract/attempt.ts';
import type { OutputPlace } from '../../contract/output.ts';
import type { Stream } from '../../contract/stream.ts';

/** Chunks of output as they are stored. See `chunk.ts` for `data`. */
export interface OutputChunk {
  jobId: number;
  attempt: number;
  claimedAt: Date;
  number: number;
  /** Position of the first byte in each stream: lines ended before it, bytes before it. */
  stdout: ChunkSpan;
  stderr: ChunkSpan;
  startedAt: Date;
  isFull: boolean;
  codec: 'plain' | 'zstd';
  data: Uint8Array;
}

export interface ChunkSpan {
  line: number;
  byte: number;
  /** Line ends inside the chunk. */
  lines: number;
  bytes: number;
}

export interface StreamPositions {
  stdout: number;
  stderr: number;
}

export interface OutputOptions extends AttemptRef {
  /** Called for each line of stdout that is a JSON object with a `daybook` member. */
  onProtocol(member: unknown): void;
  /** Called after each commit with the bytes of each stream that are stored for good. */
  onStored(upTo: StreamPositions): void;
}

/** Where the output of one running attempt goes. */
export interface OutputSink {
  /** Bytes of each stream handed in so far, by earlier lives of the worker as well. */
  readonly received: StreamPositions;
  readonly pendingBytes: number;
  append(stream: Stream, bytes: Buffer, at: Date): void;
  /** Marks that something is missing here. */
  gap(reason: string, at: Date): void;
  /** Resolves true when everything is stored, however long the store is away; false when the recorder was stopped. */
  close(): Promise<boolean>;
}

/** Stores the output of all attempts of a worker. */
export interface OutputRecorder {
  open(options: OutputOptions): OutputSink;
  /** Goes on where an earlier life of the worker stopped. */
  reopen(options: OutputOptions): Promise<OutputSink>;
  /** Stores what has arrived as far as the store answers, then lets everybody go. */
  stop(): Promise<void>;
}

export interface OutputStore {
  /** Adds chunks; one with a number that exists replaces it (the growing tail). */
  write(chunks: readonly OutputChunk[]): Promise<void>;
  /** Chunks from a position on. */
  read(attempt: AttemptRef, from: ChunkPosition, limit: number): Promise<OutputChunk[]>;
  last(attempt: AttemptRef): Promise<OutputChunk | null>;
  /** Makes the partitions of this month and the next ones. */
  preparePartitions(months: number): Promise<void>;
}

/** Reads many chunks for somebody who keeps few of them. */
export interface OutputPages {
  /**
   * Up to so many chunks from a number on, in order, each told as it arrives.
   * @throws AppError `database_unavailable`
   */
  read(
    attempt: AttemptRef,
    range: { from: number; limit: number },
    visit: (chunk: OutputChunk) => void,
  ): Promise<void>;
}

/** What adds to the output of an attempt in a transaction of somebody else's. */
export type AttemptOutput = Pick<OutputStore, 'write' | 'last'>;

/** Leaves a mark at the end of what is stored of an attempt that something is missing. */
export type MarkGap = (
  output: AttemptOutput,
  attempt: AttemptRef,
  gap: { reason: string; at: Date },
) => Promise<void>;

/** Where the output of an attempt is found: it is stored by the month of the claim. */
export interface AttemptRef extends AttemptId {
  claimedAt: Date;
}

/**
 * Chunks in order of number from one on, or (`before`, `last`) the newest first. `holding` leaves out those that hold
 * only the other stream.
 */
export type ChunkPosition =
  | { by: 'chunk'; number: number; holding?: Stream | null }
  | { by: 'before'; number: number; holding?: Stream | null }
  | { by: 'line'; stream: Stream; line: number }
  /** The one in which so many lines of both streams together have ended. */
  | { by: 'row'; row: number }
  | { by: 'last' };

/** One line as people read it. */
export interface OutputLine {
  stream: Stream;
  /** Counted from 0 within the stream; `null` for a gap. */
  line: number | null;
  at: Date;
  text: string;
  kind: 'text' | 'protocol' | 'gap';
  /** Its end has not come yet. */
  isPartial: boolean;
}

export interface LinePage {
  lines: OutputLine[];
  /**
   * Where to go on: for one stream a line number, inside a line and for both streams an opaque place. Null at the end of
   * what is stored.
   */
  next: string | null;
}

/** A piece of one stream with the position of its first byte. */
export interface OutputPiece {
  stream: Stream;
  kind: 'text' | 'protocol' | 'gap';
  at: Date;
  byte: number;
  bytes: Buffer;
  /** Number of the chunk it lies in; a later read may start there. */
  chunk: number;
  /** Gaps of that chunk up to here, this one included; they have no bytes by which to tell them apart. */
  gaps: number;
}

/** Where a reader of both streams stands. */
export interface OutputPosition extends StreamPositions {
  chunk: number;
  gaps: number;
}

export interface FindOptions {
  /** One line of text, not empty. */
  text: string;
  /** Of the letters A to Z. */
  ignoresCase: boolean;
  /** Null: both. */
  stream: Stream | null;
  /** Forward: the first line looked at. Backward: the line before which to begin. Null: the beginning, or the end. */
  from: OutputPlace | null;
  direction: 'forward' | 'backward';
  limit: number;
  /** So long after its first look it answers with what it has. */
  budgetMs: number;
  /** Nobody waits for the answer any more once it is aborted: it comes soon, with what there is. */
  signal?: AbortSignal;
}

export interface FoundLines {
  /** In order of the search: backward, the last one comes first. */
  lines: (OutputLine & { place: string })[];
  /** Where to go on, now or when more was printed. Null: nothing was there to look at. */
  searchedTo: OutputPlace | null;
  /** Everything that is stored now was looked at. */
  isComplete: boolean;
}

/** Finds text in what attempts printed. */
export interface OutputFinder {
  find(attempt: AttemptRef, options: FindOptions): Promise<FoundLines>;
}

export interface ViewOptions {
  /** Null: both, in order of arrival. */
  stream: Stream | null;
  /** `end`, a place as other answers name them, a line (`stdout:120`), or `row:5000`: behind so many lines. Null: the beginning. */
  from: string | null;
  /** Forward: what is there and behind it. Backward: what comes before. */
  direction: 'forward' | 'backward';
  limit: number;
}

export interface ViewedLine extends OutputLine {
  /** Stays the same as long as the line is stored. */
  place: string;
  /** Whole lines before it among those of the view. */
  row: number;
}

export interface OutputView {
  /** In order of arrival, whatever the direction. A line that reaches beyond a chunk comes in pieces. */
  lines: ViewedLine[];
  /** To go on backward from; null at the beginning. */
  before: string | null;
  /** To go on forward from; null when nothing is stored. At the end, lines without an end come again from there. */
  after: string | null;
  /** More is stored behind `after`. */
  hasMore: boolean;
  /** Whole lines of the view in all. */
  rows: number;
  /** Chunks in all; the number before the dot of a place counts them. */
  chunks: number;
}

export interface StreamLinesOptions {
  stream: Stream;
  /** A line's number, or a place as `next` of a page names it. */
  from: number | { chunk: number; index: number };
  limit: number;
}

/** Reads what attempts printed. An answer holds some MiB of text at most, however long lines are. */
export interface OutputReader {
  /** Lines around a place, for somebody who scrolls. @throws RangeError when `from` is no place */
  view(attempt: AttemptRef, options: ViewOptions): Promise<OutputView>;
  streamLines(attempt: AttemptRef, options: StreamLinesOptions): Promise<LinePage>;
  /** Both streams in order of arrival. @throws RangeError when `from` is no place */
  mergedLines(attempt: AttemptRef, options: { from: string | null; limit: number }): Promise<LinePage>;
  /** The last lines of one stream or (null) both, oldest first, as far as the newest chunks hold them. */
  tail(attempt: AttemptRef, limit: number, stream: Stream | null): Promise<LinePage>;
  /** Everything from these bytes on that is stored now, in order of arrival. */
  pieces(attempt: AttemptRef, from: OutputPosition): AsyncIterable<OutputPiece>;
  /** Exactly what a stream printed; a gap appears as a line of its own. */
  bytes(attempt: AttemptRef, stream: Stream): AsyncIterable<Buffer>;
}
