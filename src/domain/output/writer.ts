import type { ChunkSpan, OutputChunk, OutputOptions, StreamPositions as Positions } from './ports.ts';
import { ChunkBuilder } from './chunk-builder.ts';
import { ChunkPacker } from './chunk-packer.ts';
import { decodeChunk, headerBytes, type OutputRecord, type PackedChunk } from './chunk.ts';
import { streams, type Stream } from '../../contract/stream.ts';
import { parseJson } from '../../contract/whole-numbers.ts';
import { isNestedTooDeeply } from '../../lib/json-values.ts';

/** Bytes after which a chunk is closed: small enough to rewrite often, large enough to compress well. */
const chunkBytes = 128 * 1024;

/** A line longer than this is stored in pieces; it keeps its one number, and is no report. */
const longLineBytes = 64 * 1024;

/** So many full chunks go into one statement while others are compressed. */
const chunksAtOnce = 8;

const protocolMark = Buffer.from('"daybook"');

const nothing = Buffer.alloc(0);

/** One thread a process. A tail that is stored has what has no line end yet behind it. */
const packer = new ChunkPacker({ roomBytes: chunkBytes + 2 * (longLineBytes + headerBytes) });

export type OutputWriterOptions = Omit<OutputOptions, 'onStored'>;

export interface TakeMark {
  /** Of the full chunks. */
  count: number;
  /** Up to which additions everything is stored with it; null: not yet all that was there. */
  version: number | null;
  /** Bytes of each stream that are stored with it. */
  upTo: Positions;
  /** Line ends in the full chunks and before them. */
  lines: Positions;
}

/**
 * Turns what an attempt prints into chunks of whole lines. What has no line end yet stands at the end of the growing
 * tail, so that a prompt or a progress bar is seen as well; it moves to the next chunk when the tail is closed.
 */
export class OutputWriter {
  readonly #options: OutputWriterOptions;
  readonly #full: ChunkBuilder[] = [];
  #tail = new ChunkBuilder(packer, 0, nowhere());
  #partial: Record<Stream, Buffer> = { stdout: nothing, stderr: nothing };
  #received = nowhere();
  #committed = nowhere();
  /** Line ends before the first chunk that is not stored for good. */
  #lines = nowhere();
  /** Raised by every addition. */
  #version = 0;
  #storedVersion = 0;

  constructor(options: OutputWriterOptions) {
    this.#options = options;
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

  /** The bytes are copied. */
  append(stream: Stream, bytes: Buffer, at: Date): void {
    if (bytes.length === 0) return;
    this.#received[stream] += bytes.length;
    this.#version += 1;
    const held = this.#partial[stream];
    let from = 0;
    if (held.length > 0) {
      // Only the line that was begun is put together.
      from = bytes.indexOf(10) + 1;
      if (from === 0 && held.length + bytes.length <= longLineBytes) {
        this.#partial[stream] = Buffer.concat([held, bytes]);
        return;
      }
      if (from === 0) from = bytes.length;
      this.#partial[stream] = nothing;
      this.#addLines(stream, Buffer.concat([held, bytes.subarray(0, from)]), at);
    }
    let end = bytes.lastIndexOf(10) + 1;
    if (bytes.length - Math.max(from, end) > longLineBytes) end = bytes.length;
    if (end > from) this.#addLines(stream, bytes.subarray(from, end), at);
    this.#partial[stream] = Buffer.from(bytes.subarray(Math.max(from, end)));
  }

  /** Marks that something is missing here. */
  gap(reason: string, at: Date): void {
    this.#closePartials(at);
    const bytes = Buffer.from(reason).subarray(0, longLineBytes);
    this.#push({ stream: 'stderr', kind: 'gap', at, bytes });
    this.#version += 1;
  }

  /**
   * Hands out what is not stored yet; call `settle` once it is. When it could not be stored, the next call hands it out
   * again. While full chunks wait, the growing tail does: it would be stored only to be replaced. It goes along where bytes
   * were stored with it that none of them has, or these would be gone until its turn.
   * @param all everything at once
   */
  async take({ all }: { all: boolean }): Promise<{ chunks: OutputChunk[]; mark: TakeMark }> {
    const some = this.#full.slice(0, chunksAtOnce);
    const end = some.at(-1)?.end;
    const takesAll = all || !end || !isReached(this.#committed, end);
    const full = takesAll ? [...this.#full] : some;
    const tail = takesAll ? this.#tailWithPartials() : null;
    const version = takesAll ? this.#version : null;
    const upTo = takesAll ? this.received : end;
    const packedTail = tail?.pack();
    const lines = { ...this.#lines };
    const chunks: OutputChunk[] = [];
    for (const chunk of full) {
      const made = this.#toChunk(chunk, await chunk.pack(), { lines, isFull: true });
      for (const stream of streams) lines[stream] += made[stream].lines;
      chunks.push(made);
    }
    if (tail && packedTail) chunks.push(this.#toChunk(tail, await packedTail, { lines, isFull: false }));
    return { chunks, mark: { count: full.length, version, upTo, lines } };
  }

  settle({ count, version, upTo, lines }: TakeMark): void {
    this.#full.splice(0, count);
    this.#committed = upTo;
    this.#lines = lines;
    if (version !== null) this.#storedVersion = version;
  }

  #toChunk(
    { number, startedAt, start, end }: ChunkBuilder,
    packed: PackedChunk,
    { lines, isFull }: { lines: Positions; isFull: boolean },
  ): OutputChunk {
    const { jobId, number: attempt, claimedAt } = this.#options;
    const span = (stream: Stream): ChunkSpan => ({
      line: lines[stream],
      byte: start[stream],
      lines: packed.lines[stream],
      bytes: end[stream] - start[stream],
    });
    return {
      jobId,
      attempt,
      claimedAt,
      number,
      stdout: span('stdout'),
      stderr: span('stderr'),
      startedAt: startedAt ?? new Date(0),
      isFull,
      codec: packed.codec,
      data: packed.data,
    };
  }

  async #reopen(last: OutputChunk): Promise<void> {
    const { isFull, number, stdout, stderr } = last;
    this.#received = { stdout: endByte(stdout), stderr: endByte(stderr) };
    this.#committed = this.received;
    this.#lines = { stdout: stdout.line, stderr: stderr.line };
    if (isFull) {
      for (const stream of streams) this.#lines[stream] += last[stream].lines;
      this.#tail = new ChunkBuilder(packer, number + 1, this.received);
      return;
    }
    this.#tail = new ChunkBuilder(packer, number, { stdout: stdout.byte, stderr: stderr.byte });
    const records = await decodeChunk(last);
    // Looked up once: a chunk may have a record for every byte.
    const lastOf = new Set(streams.map((stream) => records.findLast((record) => record.stream === stream)));
    for (const record of records) {
      // A trailing piece without a line end was the partial line of its stream.
      if (record.kind === 'text' && lastOf.has(record) && isPartial(record.bytes))
        this.#partial[record.stream] = Buffer.from(record.bytes);
      else this.#push(record);
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
      this.#push({ stream, kind: 'protocol', at, bytes: bytes.subarray(start, end + 1) });
      this.#options.onProtocol(member);
      from = end + 1;
    }
    this.#pushText(stream, bytes.subarray(from), at);
  }

  #pushText(stream: Stream, bytes: Buffer, at: Date): void {
    for (let from = 0; from < bytes.length;) {
      const room = chunkBytes - headerBytes - this.#tail.length;
      let end = Math.min(bytes.length, from + Math.max(0, room));
      if (end < bytes.length) {
        // Cut at a line end, unless the line is so long that it comes in pieces anyway.
        const lineEnd = bytes.subarray(from, end).lastIndexOf(10);
        if (lineEnd >= 0) end = from + lineEnd + 1;
        else if (room < longLineBytes) end = from;
      }
      if (end > from) this.#tail.add({ stream, kind: 'text', at, bytes: bytes.subarray(from, end) });
      if (end < bytes.length) this.#closeTail();
      from = end;
    }
  }

  #push(record: OutputRecord): void {
    const { length } = this.#tail;
    if (length > 0 && length + headerBytes + record.bytes.length > chunkBytes) this.#closeTail();
    this.#tail.add(record);
  }

  #closeTail(): void {
    void this.#tail.pack();
    this.#full.push(this.#tail);
    this.#tail = new ChunkBuilder(packer, this.#tail.number + 1, { ...this.#tail.end });
  }

  #tailWithPartials(): ChunkBuilder | null {
    const tail = this.#tail.copy();
    const at = tail.lastAt ?? new Date();
    for (const stream of streams) {
      const bytes = this.#partial[stream];
      if (bytes.length > 0) tail.add({ stream, kind: 'text', at, bytes });
    }
    return tail.length > 0 ? tail : null;
  }

  #closePartials(at: Date): void {
    for (const stream of streams) {
      const bytes = this.#partial[stream];
      this.#partial[stream] = nothing;
      if (bytes.length > 0) this.#push({ stream, kind: 'text', at, bytes });
    }
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

function nowhere(): Positions {
  return { stdout: 0, stderr: 0 };
}

function endByte(span: ChunkSpan): number {
  return span.byte + span.bytes;
}

function isReached(place: Positions, end: Positions): boolean {
  return streams.every((stream) => place[stream] <= end[stream]);
}

function isPartial(bytes: Buffer): boolean {
  return bytes.length <= longLineBytes && bytes.at(-1) !== 10;
}
