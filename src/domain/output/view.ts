/**
 * What somebody looks at who scrolls through output of any length: some lines around a place, and the places where the
 * lines before and after them begin. An answer is bounded in lines and in text, and costs the same everywhere.
 */
import type {
  AttemptRef,
  ChunkPosition,
  OutputChunk,
  OutputStore,
  OutputView,
  ViewedLine,
  ViewOptions,
} from './ports.ts';
import { linesOfChunk } from './lines.ts';
import { parsePlace } from '../../contract/output.ts';

const chunksAtOnce = 4;

/** Text of one answer; what was begun of it last, a line or its piece in one chunk, may go beyond. */
const mostCharacters = 1024 * 1024;

/** A chunk and how many of its lines come before. */
interface Place {
  chunk: number;
  index: number;
}

type Lines = Omit<OutputView, 'rows' | 'chunks'>;

/** @throws RangeError when `from` is no place */
export async function viewLines(
  store: OutputStore,
  attempt: AttemptRef,
  options: ViewOptions,
): Promise<OutputView> {
  const last = await store.last(attempt);
  if (!last) return { lines: [], before: null, after: null, hasMore: false, rows: 0, chunks: 0 };
  const from = await findPlace(store, attempt, options);
  const view = options.direction === 'forward' ? viewAfter : viewBefore;
  const lines = await view(store, attempt, from ?? { chunk: last.number, index: Infinity }, options);
  return { ...lines, rows: rowOf(last, options.stream, 'end'), chunks: last.number + 1 };
}

async function viewAfter(
  store: OutputStore,
  attempt: AttemptRef,
  from: Place,
  { stream, limit }: ViewOptions,
): Promise<Lines> {
  const lines: ViewedLine[] = [];
  let room = mostCharacters;
  let after = toText(from);
  const isBeginning = from.chunk === 0 && from.index === 0;
  const before = isBeginning
    ? null
    : toText(from.index === Infinity ? { chunk: from.chunk + 1, index: 0 } : from);
  for (let number: number | null = from.chunk; number !== null;) {
    const chunks = await store.read(attempt, { by: 'chunk', number, holding: stream }, chunksAtOnce);
    for (const chunk of chunks) {
      const found = await viewedLines(chunk, stream);
      // Lines without an end are the last of a chunk, one of each stream at most, and may change places when it grows:
      // the place to go on is before them or behind them, never between.
      let hasOpen = false;
      for (const line of found) {
        if ((chunk.number === from.chunk && line.index < from.index) || !isOf(line, stream)) continue;
        if ((lines.length >= limit || room <= 0) && !hasOpen)
          return { lines, before, after: line.place, hasMore: true };
        lines.push(line);
        hasOpen = line.isPartial;
        room -= line.text.length;
      }
      after = placeOfEnd(chunk, found);
    }
    number = nextChunk(chunks, 1);
  }
  return { lines, before, after, hasMore: false };
}

async function viewBefore(
  store: OutputStore,
  attempt: AttemptRef,
  from: Place,
  { stream, limit }: ViewOptions,
): Promise<Lines> {
  const lines: ViewedLine[] = [];
  let room = mostCharacters;
  const isFromEnd = from.index === Infinity;
  let after = toText(from);
  for (let number: number | null = from.chunk + 1; number !== null;) {
    const chunks = await store.read(attempt, { by: 'before', number, holding: stream }, chunksAtOnce);
    for (const chunk of chunks) {
      const found = await viewedLines(chunk, stream);
      if (isFromEnd && chunk.number === from.chunk) after = placeOfEnd(chunk, found);
      for (const line of found.toReversed()) {
        if ((chunk.number === from.chunk && line.index >= from.index) || !isOf(line, stream)) continue;
        if (lines.length >= limit || room <= 0) {
          const before = lines.at(-1)?.place ?? after;
          return { lines: lines.toReversed(), before, after, hasMore: !isFromEnd };
        }
        lines.push(line);
        room -= line.text.length;
      }
    }
    number = nextChunk(chunks, 0);
  }
  return { lines: lines.toReversed(), before: null, after, hasMore: !isFromEnd };
}

/** Null when nothing is stored in that direction. */
function nextChunk(chunks: readonly OutputChunk[], step: 0 | 1): number | null {
  const last = chunks.at(-1);
  return last && chunks.length === chunksAtOnce ? last.number + step : null;
}

/** Where the place is; null for the end. @throws RangeError when it is none */
async function findPlace(
  store: OutputStore,
  attempt: AttemptRef,
  { from, stream }: ViewOptions,
): Promise<Place | null> {
  if (from === 'end') return null;
  if (from === null) return { chunk: 0, index: 0 };
  const row = /^row:(\d{1,15})$/.exec(from)?.[1];
  const place = row === undefined ? parsePlace(from) : toRowPosition(Number(row), stream);
  if (!place) throw new RangeError('from is no place');
  if (place.by === 'place') return place;
  const [chunk] = await store.read(attempt, place, 1);
  if (!chunk) return null;
  const lines = await viewedLines(chunk, stream);
  const found = lines.find((line) =>
    place.by === 'row' ? line.row >= place.row : line.stream === place.stream && line.line === place.line,
  );
  return { chunk: chunk.number, index: found?.index ?? lines.length };
}

function toRowPosition(row: number, stream: ViewOptions['stream']): ChunkPosition & { by: 'row' | 'line' } {
  return stream === null ? { by: 'row', row } : { by: 'line', stream, line: row };
}

/** The lines of both streams in a chunk, each with its place and how many whole lines come before it. */
async function viewedLines(
  chunk: OutputChunk,
  stream: ViewOptions['stream'],
): Promise<(ViewedLine & { index: number })[]> {
  let row = rowOf(chunk, stream, 'begin');
  return (await linesOfChunk(chunk)).map((line) => {
    const viewed = { ...line, row, place: `${chunk.number}.${line.index}` };
    if (line.line !== null && !line.isPartial && isOf(line, stream)) row += 1;
    return viewed;
  });
}

/** Whole lines of a stream, or both, before a chunk or up to its end. */
function rowOf(chunk: OutputChunk, stream: ViewOptions['stream'], side: 'begin' | 'end'): number {
  const spans = stream === null ? [chunk.stdout, chunk.stderr] : [chunk[stream]];
  return spans.reduce((sum, { line, lines }) => sum + line + (side === 'end' ? lines : 0), 0);
}

function isOf(line: ViewedLineOf, stream: ViewOptions['stream']): boolean {
  return stream === null || line.line === null || line.stream === stream;
}

type ViewedLineOf = Pick<ViewedLine, 'line' | 'stream'>;

/** Behind the last line that is whole: those without an end are read once more. */
function placeOfEnd(chunk: OutputChunk, lines: readonly { isPartial: boolean; index: number }[]): string {
  const open = lines.find(({ isPartial }) => isPartial);
  return toText({ chunk: chunk.number, index: open?.index ?? lines.length });
}

function toText({ chunk, index }: Place): string {
  return `${chunk}.${index === Infinity ? 0 : index}`;
}
