import type { ChunkSpan, OutputChunk, OutputOptions, StreamPositions as Positions } from './ports.ts';
import { countLineEnds, decodeChunk, encodeChunk, type OutputRecord } from './chunk.ts';
import { streams, type Stream } from '../../contract/stream.ts';
import { parseJson } from '../../contract/whole-numbers.ts';
import { isNestedTooDeeply } from '../../lib/json-values.ts';

/** Raw bytes after which a chunk is closed: small enough to rewrite often, large enough to compress well. */
const chunkBytes = 128 * 1024;

/** A line longer than this is stored in pieces; it keeps its one number, and is no report. */
const longLineBytes = 64 * 1024;

const protocolMark = Buffer.from('"daybook"');

export type OutputWriterOptions = Omit<OutputOptions, 'onStored'>;

export interface TakeMark {
  version: number;
  fullCount: number;
  upTo: Positions;
}

/**
 * Turns what an attempt prints into chunks of whole lines. What has no line end yet stands at the end of the growing
 * tail, so that a prompt or a progress bar is seen as well; it moves to the next chunk when the tail is closed.
 */
export class OutputWriter {
  readonly #options: OutputWriterOptions;
  readonly #full: PendingChunk[] = [];
  #tail: PendingChunk;
  #partial: Record<Stream, Buffer> = { stdout: Buffer.alloc(0), stderr: Buffer.alloc(0) };
  #received: Positions = { stdout: 0, stderr: 0 };
  #committed: Positions = { stdout: 0, stderr: 0 };
  /** Raised by every addition; what was stored last is remembered as `#stored`. */
  #version = 0;
  #storedVersion = 0;

  constructor(options: OutputWriterOptions) {
    this.#options = options;
    this.#tail = new PendingChunk(0, emptySpan(), emptySpan());
  }

  /** Goes on after the last chunk an earlier life of the worker stored. */
  static async resume(options: OutputWriterOptions, last: OutputChunk | null): Promise<OutputWriter> {
    const writer = new OutputWriter(options);
    if (last) await writer.#reopen(last);
    return writer;
  }

  /** Bytes of each stream that were handed in. */
  get received(): Positions {
    return { ...this.#received };
  }

  get pendingBytes(): number {
    const { stdout, stderr } = this.#received;
    return stdout + stderr - this.#committed.stdout - this.#committed.stderr;
  }

  /** Nothing waits to be stored. */
  get isStored(): boolean {
    return this.#version === this.#storedVersion;
  }

  append(stream: Stream, bytes: Buffer, at: Date): void {
    if (bytes.length === 0) return;
    this.#received[stream] += bytes.length;
    this.#version += 1;
    const lastEnd = bytes.lastIndexOf(10);
    const held = this.#partial[stream];
    if (lastEnd < 0 && held.length + bytes.length <= longLineBytes) {
      this.#partial[stream] = Buffer.concat([held, bytes]);
      return;
    }
    const whole = lastEnd < 0 ? bytes : bytes.subarray(0, lastEnd + 1);
    this.#partial[stream] = lastEnd < 0 ? Buffer.alloc(0) : Buffer.from(bytes.subarray(lastEnd + 1));
    this.#addLines(stream, held.length > 0 ? Buffer.concat([held, whole]) : whole, at);
  }

  /** Marks that something is missing here. */
  gap(reason: string, at: Date): void {
    this.#closePartials(at);
    this.#push({ stream: 'stderr', kind: 'gap', at, bytes: Buffer.from(reason) });
    this.#version += 1;
  }

  /**
   * Hands out what is not stored yet; call `settle` once it is. When it could not be stored, the next call hands it
   * out again.
   */
  async take(): Promise<{ chunks: OutputChunk[]; upTo: Positions; mark: TakeMark }> {
    const mark = { version: this.#version, fullCount: this.#full.length, upTo: this.received };
    const tail = this.#tail.withPartials(this.#partial);
    const pending = tail.records.length > 0 ? [...this.#full, tail] : [...this.#full];
    const chunks = await Promise.all(
      pending.map((chunk, index) => this.#encode(chunk, index < mark.fullCount)),
    );
    return { chunks, upTo: mark.upTo, mark };
  }

  settle(mark: TakeMark): void {
    this.#full.splice(0, mark.fullCount);
    this.#committed = mark.upTo;
    this.#storedVersion = mark.version;
  }

  async #encode(chunk: PendingChunk, isFull: boolean): Promise<OutputChunk> {
    const startedAt = chunk.records[0]?.at ?? new Date(0);
    const { codec, data } = await encodeChunk(chunk.records, startedAt);
    const { jobId, number: attempt, claimedAt } = this.#options;
    const { number, stdout, stderr } = chunk;
    return { jobId, attempt, claimedAt, number, stdout, stderr, startedAt, isFull, codec, data };
  }

  async #reopen(last: OutputChunk): Promise<void> {
    const isFull = last.isFull;
    this.#received = { stdout: endByte(last.stdout), stderr: endByte(last.stderr) };
    this.#committed = this.received;
    this.#tail = isFull
      ? new PendingChunk(last.number + 1, after(last.stdout), after(last.stderr))
      : new PendingChunk(last.number, startOf(last.stdout), startOf(last.stderr));
    if (isFull) return;
    const records = await decodeChunk(last);
    // Looked up once: a chunk may have a record for every byte.
    const lastOf = new Set(streams.map((stream) => records.findLast((record) => record.stream === stream)));
    for (const record of records) {
      // A trailing piece without a line end was the partial line of its stream.
      if (record.kind === 'text' && lastOf.has(record) && record.bytes.at(-1) !== 10)
        this.#partial[record.stream] = Buffer.from(record.bytes);
      else this.#tail.add(record);
    }
  }

  #addLines(stream: Stream, bytes: Buffer, at: Date): void {
    if (stream === 'stderr') return this.#pushText(stream, bytes, at);
    let from = 0;
    let end = 0;
    // Each line is looked at once, however often it has the mark.
    for (let mark = bytes.indexOf(protocolMark); mark >= 0; mark = bytes.indexOf(protocolMark, end)) {
      const start = bytes.lastIndexOf(10, mark) + 1;
      end = bytes.indexOf(10, mark);
      if (end < 0) break;
      if (end - start > longLineBytes) continue;
      const member = parseProtocol(bytes.subarray(start, end));
      if (member === undefined) continue;
      this.#pushText(stream, bytes.subarray(from, start), at);
      this.#push({ stream, kind: 'protocol', at, bytes: Buffer.from(bytes.subarray(start, end + 1)) });
      this.#options.onProtocol(member);
      from = end + 1;
    }
    this.#pushText(stream, bytes.subarray(from), at);
  }

  #pushText(stream: Stream, bytes: Buffer, at: Date): void {
    // Cut at a line end where there is one, so that no chunk outgrows its size by a burst.
    for (let from = 0; from < bytes.length;) {
      let end = Math.min(bytes.length, from + chunkBytes);
      if (end < bytes.length) {
        const lineEnd = bytes.lastIndexOf(10, end - 1);
        if (lineEnd >= from) end = lineEnd + 1;
      }
      this.#push({ stream, kind: 'text', at, bytes: Buffer.from(bytes.subarray(from, end)) });
      from = end;
    }
  }

  #push(record: OutputRecord): void {
    this.#tail.add(record);
    if (this.#tail.bytes < chunkBytes) return;
    this.#full.push(this.#tail);
    this.#tail = new PendingChunk(this.#tail.number + 1, after(this.#tail.stdout), after(this.#tail.stderr));
  }

  #closePartials(at: Date): void {
    for (const stream of streams) {
      const bytes = this.#partial[stream];
      this.#partial[stream] = Buffer.alloc(0);
      if (bytes.length > 0) this.#push({ stream, kind: 'text', at, bytes });
    }
  }
}

class PendingChunk {
  readonly records: OutputRecord[] = [];
  bytes = 0;
  readonly number: number;
  readonly stdout: ChunkSpan;
  readonly stderr: ChunkSpan;

  constructor(number: number, stdout: ChunkSpan, stderr: ChunkSpan) {
    this.number = number;
    this.stdout = stdout;
    this.stderr = stderr;
  }

  add(record: OutputRecord): void {
    this.records.push(record);
    this.bytes += record.bytes.length;
    if (record.kind === 'gap') return;
    const span = this[record.stream];
    span.lines += countLineEnds(record.bytes);
    span.bytes += record.bytes.length;
  }

  withPartials(partial: Record<Stream, Buffer>): PendingChunk {
    const copy = new PendingChunk(this.number, { ...this.stdout }, { ...this.stderr });
    copy.records.push(...this.records);
    const at = this.records.at(-1)?.at ?? new Date();
    for (const stream of streams) {
      if (partial[stream].length > 0) copy.add({ stream, kind: 'text', at, bytes: partial[stream] });
    }
    return copy;
  }
}

function parseProtocol(line: Buffer): unknown {
  const text = line.toString('utf8');
  // Whoever keeps it would run out of stack, and the process with it.
  if (isNestedTooDeeply(text)) return undefined;
  try {
    const value = parseJson(text);
    if (typeof value === 'object' && value !== null && Object.hasOwn(value, 'daybook')) {
      return (value as { daybook: unknown }).daybook;
    }
  } catch {
    // A line that only looks like one of ours is plain output.
  }
  return undefined;
}

function emptySpan(): ChunkSpan {
  return { line: 0, byte: 0, lines: 0, bytes: 0 };
}

function startOf(span: ChunkSpan): ChunkSpan {
  return { line: span.line, byte: span.byte, lines: 0, bytes: 0 };
}

function after(span: ChunkSpan): ChunkSpan {
  return { line: span.line + span.lines, byte: endByte(span), lines: 0, bytes: 0 };
}

function endByte(span: ChunkSpan): number {
  return span.byte + span.bytes;
}
