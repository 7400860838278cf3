/**
 * Pages of lines, for whoever reads from a place on. A page is bounded in lines and in bytes: a line that is longer than
 * the room there is comes in pieces with one number, and the page says where inside it to go on.
 */
import { parsePlace } from '../../contract/output.ts';
import type { Stream } from '../../contract/stream.ts';
import { linesOfChunk, piecesOfChunk, type LinePiece } from './lines.ts';
import type { AttemptRef, LinePage, OutputLine, OutputStore, StreamLinesOptions } from './ports.ts';
import { chunksAtOnce, readChunks } from './read-chunks.ts';

/** Text of one page; what was begun last may go beyond it by what lies of it in one chunk. */
const mostBytes = 1024 * 1024;

/** Lines of one stream from a line, or a place, on, and the gaps between them. */
export async function readStreamLines(
  store: OutputStore,
  attempt: AttemptRef,
  { stream, from, limit }: StreamLinesOptions,
): Promise<LinePage> {
  const page = new StreamPage(stream, limit);
  const isByLine = typeof from === 'number';
  const position = isByLine
    ? { by: 'line' as const, stream, line: from }
    : { by: 'chunk' as const, number: from.chunk };
  for await (const chunk of readChunks(store, attempt, position)) {
    let { line } = chunk[stream];
    for (const piece of await piecesOfChunk(chunk)) {
      if (piece.kind !== 'gap' && piece.stream !== stream) continue;
      const isBefore = isByLine ? line < from : chunk.number === from.chunk && piece.index < from.index;
      if (piece.line !== null && !piece.isPartial) line = piece.line + 1;
      if (isBefore) continue;
      if (page.isFull && !page.takesMoreOf(piece)) return page.close(`${chunk.number}.${piece.index}`);
      page.add(piece);
      if (page.isFull && !page.isOpen)
        return page.close(piece.line === null ? `${chunk.number}.${piece.index + 1}` : String(line));
    }
  }
  return page.close(null);
}

/**
 * Lines of both streams in order of arrival. A place is `chunk.index`, the chunk's number and how many of its lines came
 * before, or `stream:line`, which a person can keep. A line that reaches beyond a chunk comes in pieces.
 * @throws RangeError when the place is none
 */
export async function readMergedLines(
  store: OutputStore,
  attempt: AttemptRef,
  { from, limit }: { from: string | null; limit: number },
): Promise<LinePage> {
  const place = await toPlace(store, attempt, from);
  let toSkip = place.index;
  let room = mostBytes;
  const lines: OutputLine[] = [];
  for await (const chunk of readChunks(store, attempt, { by: 'chunk', number: place.chunk })) {
    const skipped = toSkip;
    toSkip = 0;
    for (const { index, bytes, ...line } of await piecesOfChunk(chunk)) {
      if (index < skipped) continue;
      if (lines.length === limit || room <= 0) return { lines, next: `${chunk.number}.${index}` };
      lines.push({ ...line, text: bytes.toString() });
      room -= bytes.length;
    }
  }
  return { lines, next: null };
}

/** The last lines, as far as the newest chunks, and the room of a page, hold them. */
export async function readTail(
  store: OutputStore,
  attempt: AttemptRef,
  { limit, stream }: { limit: number; stream: Stream | null },
): Promise<LinePage> {
  const last = await store.last(attempt);
  if (!last) return { lines: [], next: null };
  const chunks = await store.read(attempt, { by: 'before', number: last.number + 1 }, chunksAtOnce);
  let room = mostBytes;
  const newestFirst: OutputLine[] = [];
  for (const chunk of chunks) {
    for (const { index: _, bytes, ...line } of (await piecesOfChunk(chunk)).toReversed()) {
      if (stream !== null && line.stream !== stream) continue;
      if (newestFirst.length >= limit || room <= 0) break;
      newestFirst.push({ ...line, text: bytes.toString() });
      room -= bytes.length;
    }
  }
  return { lines: newestFirst.toReversed(), next: null };
}

/** Puts the pieces of a line together again, as far as there is room. */
class StreamPage {
  readonly #stream: Stream;
  readonly #limit: number;
  readonly #lines: { line: Omit<OutputLine, 'text'>; bytes: Buffer[] }[] = [];
  /** The last one, whose end has not come. */
  #open: { line: Omit<OutputLine, 'text'>; bytes: Buffer[] } | null = null;
  #room = mostBytes;
  /** Gaps do not count. */
  #count = 0;

  constructor(stream: Stream, limit: number) {
    this.#stream = stream;
    this.#limit = limit;
  }

  get isFull(): boolean {
    return this.#room <= 0 || this.#count >= this.#limit;
  }

  get isOpen(): boolean {
    return this.#open !== null;
  }

  /** Although it is full: the line that was begun is brought to its end. */
  takesMoreOf({ line }: LinePiece): boolean {
    return this.#room > 0 && this.#open !== null && (line === null || line === this.#open.line.line);
  }

  add(piece: LinePiece): void {
    const { index: _, bytes, ...line } = piece;
    this.#room -= bytes.length;
    const open = this.#open;
    if (open && line.line === open.line.line) {
      open.bytes.push(bytes);
      open.line = { ...open.line, kind: line.kind, isPartial: line.isPartial };
      if (!line.isPartial) this.#open = null;
      return;
    }
    const added = { line: { ...line, stream: this.#stream }, bytes: [bytes] };
    this.#lines.push(added);
    if (line.line === null) return;
    this.#count += 1;
    this.#open = line.isPartial ? added : null;
  }

  close(next: string | null): LinePage {
    const lines = this.#lines.map(({ line, bytes }) => ({ ...line, text: Buffer.concat(bytes).toString() }));
    return { lines, next };
  }
}

/** @throws RangeError when it is none */
async function toPlace(
  store: OutputStore,
  attempt: AttemptRef,
  from: string | null,
): Promise<{ chunk: number; index: number }> {
  if (from === null) return { chunk: 0, index: 0 };
  const place = parsePlace(from);
  if (place?.by === 'place') return place;
  if (!place) throw new RangeError('from must be a line such as `stdout:120`, or `next` of an earlier page');
  const [chunk] = await store.read(attempt, place, 1);
  if (!chunk) return { chunk: Number.MAX_SAFE_INTEGER, index: 0 };
  const lines = await linesOfChunk(chunk);
  const found = lines.find(({ stream, line }) => stream === place.stream && line === place.line);
  return { chunk: chunk.number, index: found?.index ?? lines.length };
}
