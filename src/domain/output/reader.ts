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
import { decodeChunk } from './chunk.ts';
import { LineCollector, linesOfChunk } from './lines.ts';
import { parsePlace } from '../../contract/output.ts';
import { viewLines } from './view.ts';
import type { Stream } from '../../contract/stream.ts';

export function createOutputReader(store: OutputStore): OutputReader {
  return {
    view: (attempt, options) => viewLines(store, attempt, options),
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
 * At most `limit` lines of both streams in order of arrival. A place is `chunk.index`, the chunk's number and how many
 * of its lines came before, or `stream:line`, which a person can keep.
 * @throws RangeError when the place is none
 */
async function readMergedLines(
  store: OutputStore,
  attempt: AttemptRef,
  options: { from: string | null; limit: number },
): Promise<LinePage> {
  const place = await toPlace(store, attempt, options.from);
  let toSkip = place.index;
  const lines: OutputLine[] = [];
  for await (const chunk of readChunks(store, attempt, { by: 'chunk', number: place.chunk })) {
    const skipped = toSkip;
    toSkip = 0;
    for (const { index, ...line } of await linesOfChunk(chunk)) {
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
