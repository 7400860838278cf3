import type {
  AttemptRef,
  ChunkPosition,
  LinePage,
  OutputChunk,
  OutputLine,
  OutputPiece,
  OutputPosition,
  OutputReader,
  OutputStore,
  StreamPositions as Positions,
} from './ports.ts';
import { decodeChunk, type OutputRecord, type Stream } from './chunk.ts';

export function createOutputReader(store: OutputStore): OutputReader {
  return {
    streamLines: (attempt, options) => readStreamLines(store, attempt, options),
    mergedLines: (attempt, options) => readMergedLines(store, attempt, options),
    tail: (attempt, limit, stream) => readTail(store, attempt, { limit, stream }),
    pieces: (attempt, from) => readPieces(store, attempt, from),
    bytes: (attempt, stream) => readBytes(store, attempt, stream),
  };
}

/** Chunks fetched per query; one chunk is at most about 128 KiB of text. */
const chunksAtOnce = 8;

/**
 * All records from these byte positions on, in order of arrival, up to what is stored now. The first one may begin in
 * the middle of a stored record.
 */
async function* readPieces(
  store: OutputStore,
  attempt: AttemptRef,
  from: OutputPosition,
): AsyncGenerator<OutputPiece> {
  for await (const chunk of readChunks(store, attempt, { by: 'chunk', number: from.chunk })) {
    const at: Positions = { stdout: chunk.stdout.byte, stderr: chunk.stderr.byte };
    const gapsSeen = chunk.number === from.chunk ? from.gaps : 0;
    let gaps = 0;
    for (const record of await decodeChunk(chunk)) {
      const byte = at[record.stream];
      if (record.kind === 'gap') {
        gaps += 1;
        if (gaps > gapsSeen) yield { ...record, byte, chunk: chunk.number, gaps };
        continue;
      }
      at[record.stream] += record.bytes.length;
      const skip = Math.max(0, from[record.stream] - byte);
      if (skip >= record.bytes.length) continue;
      yield { ...record, bytes: record.bytes.subarray(skip), byte: byte + skip, chunk: chunk.number, gaps };
    }
  }
}

/** At most `limit` lines of one stream from line `from` on, and the gaps between them. */
async function readStreamLines(
  store: OutputStore,
  attempt: AttemptRef,
  options: { stream: Stream; from: number; limit: number },
): Promise<LinePage> {
  const { stream, from, limit } = options;
  const collector = new LineCollector({ limit, isWanted: (line) => line >= from });
  for await (const chunk of readChunks(store, attempt, { by: 'line', stream, line: from })) {
    collector.startChunk(chunk);
    for (const record of await decodeChunk(chunk)) {
      const isOurs = record.kind === 'gap' || record.stream === stream;
      if (isOurs && collector.add({ ...record, stream }))
        return { lines: collector.lines, next: String(from + limit) };
    }
  }
  return { lines: collector.finish(), next: null };
}

/**
 * At most `limit` lines of both streams in order of arrival. A place is `chunk.index`: the chunk's number and how many
 * of its lines came before.
 * @throws RangeError when the place is none
 */
async function readMergedLines(
  store: OutputStore,
  attempt: AttemptRef,
  options: { from: string | null; limit: number },
): Promise<LinePage> {
  const place = parsePlace(options.from);
  let toSkip = place.index;
  const lines: OutputLine[] = [];
  for await (const chunk of readChunks(store, attempt, { by: 'chunk', number: place.chunk })) {
    const collector = new LineCollector({ limit: Infinity, isWanted: () => true });
    collector.startChunk(chunk);
    for (const record of await decodeChunk(chunk)) collector.add(record);
    const ofChunk = collector.finish();
    const skipped = toSkip;
    toSkip = 0;
    for (const [index, line] of ofChunk.entries()) {
      if (index < skipped) continue;
      if (lines.length === options.limit) return { lines, next: `${chunk.number}.${index}` };
      lines.push(line);
    }
  }
  return { lines, next: null };
}

/** As far as the newest chunks hold them. */
async function readTail(
  store: OutputStore,
  attempt: AttemptRef,
  { limit, stream }: { limit: number; stream: Stream | null },
): Promise<LinePage> {
  const last = await store.last(attempt);
  if (!last) return { lines: [], next: null };
  const first = Math.max(0, last.number - chunksAtOnce + 1);
  const { lines } = await readMergedLines(store, attempt, { from: `${first}.0`, limit: Infinity });
  return {
    lines: lines.filter((line) => stream === null || line.stream === stream).slice(-limit),
    next: null,
  };
}

/** Exactly the bytes a stream printed; a gap appears as a line of its own. */
async function* readBytes(store: OutputStore, attempt: AttemptRef, stream: Stream): AsyncGenerator<Buffer> {
  for await (const piece of readPieces(store, attempt, { stdout: 0, stderr: 0, chunk: 0, gaps: 0 })) {
    if (piece.kind === 'gap')
      yield Buffer.from(`\n[daybook: output is missing here: ${piece.bytes.toString()}]\n`);
    else if (piece.stream === stream) yield piece.bytes;
  }
}

async function* readChunks(
  store: OutputStore,
  attempt: AttemptRef,
  from: ChunkPosition,
): AsyncGenerator<OutputChunk> {
  let position = from;
  for (;;) {
    const chunks = await store.read(attempt, position, chunksAtOnce);
    yield* chunks;
    const last = chunks.at(-1);
    if (!last || chunks.length < chunksAtOnce) return;
    position = { by: 'chunk', number: last.number + 1 };
  }
}

function parsePlace(from: string | null): { chunk: number; index: number } {
  if (from === null) return { chunk: 0, index: 0 };
  const match = /^(\d{1,9})\.(\d{1,9})$/.exec(from);
  if (!match) throw new RangeError('from must be a place that an earlier page named as `next`');
  return { chunk: Number(match[1]), index: Number(match[2]) };
}

/** Cuts records into lines and puts pieces of one line together again. */
class LineCollector {
  readonly lines: OutputLine[] = [];
  readonly #limit: number;
  readonly #isWanted: (line: number) => boolean;
  readonly #number: Positions = { stdout: 0, stderr: 0 };
  readonly #open: Partial<Record<Stream, { bytes: Buffer[]; at: Date }>> = {};
  #isFirst = true;
  /** Gaps do not count. */
  #count = 0;

  /** @param options.isWanted asked with a line's number; for a gap with that of the line behind it */
  constructor(options: { limit: number; isWanted: (line: number) => boolean }) {
    this.#limit = options.limit;
    this.#isWanted = options.isWanted;
  }

  startChunk(chunk: OutputChunk): void {
    if (!this.#isFirst) return;
    this.#isFirst = false;
    this.#number.stdout = chunk.stdout.line;
    this.#number.stderr = chunk.stderr.line;
  }

  /** Says whether the limit is reached. */
  add(record: OutputRecord): boolean {
    if (record.kind === 'gap') {
      return this.#emit({
        stream: record.stream,
        line: null,
        at: record.at,
        text: record.bytes.toString(),
        kind: 'gap',
        isPartial: false,
      });
    }
    let from = 0;
    for (let end = record.bytes.indexOf(10); end >= 0; end = record.bytes.indexOf(10, from)) {
      const open = this.#open[record.stream];
      delete this.#open[record.stream];
      const bytes = Buffer.concat([...(open?.bytes ?? []), record.bytes.subarray(from, end)]);
      from = end + 1;
      const line = this.#number[record.stream]++;
      const { stream, kind } = record;
      if (
        this.#emit({
          stream,
          line,
          at: open?.at ?? record.at,
          text: bytes.toString(),
          kind,
          isPartial: false,
        })
      )
        return true;
    }
    if (from < record.bytes.length) {
      const open = (this.#open[record.stream] ??= { bytes: [], at: record.at });
      open.bytes.push(record.bytes.subarray(from));
    }
    return false;
  }

  /** The lines, those without an end included. */
  finish(): OutputLine[] {
    for (const stream of ['stdout', 'stderr'] as const) {
      const open = this.#open[stream];
      if (!open) continue;
      const text = Buffer.concat(open.bytes).toString();
      this.#emit({ stream, line: this.#number[stream], at: open.at, text, kind: 'text', isPartial: true });
    }
    return this.lines;
  }

  #emit(line: OutputLine): boolean {
    if (!this.#isWanted(line.line ?? this.#number[line.stream])) return false;
    this.lines.push(line);
    if (line.line !== null) this.#count += 1;
    return this.#count >= this.#limit;
  }
}
