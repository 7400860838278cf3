/**
 * Finds lines that hold a text in what one attempt printed, while it is still printed as well.
 *
 * Chunks are fetched in batches and decompressed and searched in threads, a few batches ahead; only chunks that may
 * hold the text are then cut into lines, which are compared for good. A search ends at its limit of lines, at the end
 * of what is stored, or when its time is up; it always says how far it came, and can go on from there.
 *
 * Batches overlap by one chunk, because a line too long for one chunk may hold the text across two.
 */
import type {
  AttemptRef,
  FindOptions,
  FoundLines,
  OutputChunk,
  OutputFinder,
  OutputStore,
} from '../ports.ts';
import { linesOfChunk, type ChunkLine } from '../lines.ts';
import type { Candidate } from './candidates.ts';
import { createLineMatch } from './line-match.ts';
import { FindThreads } from './threads.ts';

const chunksAtOnce = 32;
const batchesAhead = 3;

/** Text of one answer; the last line, or its piece in one chunk, may go beyond it. */
const mostCharacters = 1024 * 1024;

interface Batch {
  chunks: OutputChunk[];
  /** By number of chunk. */
  candidates: Map<number, Candidate>;
  /** Nothing is stored beyond it in the direction of the search. */
  isLast: boolean;
}

/** Chunks from `first` to `last`, both included. */
interface Range {
  first: number;
  last: number;
}

export function createOutputFinder(store: OutputStore, threads = new FindThreads()): OutputFinder {
  return { find: (attempt, options) => new Search(store, threads, attempt, options).run() };
}

class Search {
  readonly #store: OutputStore;
  readonly #threads: FindThreads;
  readonly #attempt: AttemptRef;
  readonly #options: FindOptions;
  readonly #holds: (line: string) => boolean;
  readonly #lines: FoundLines['lines'] = [];
  readonly #deadline: number;
  #room = mostCharacters;

  constructor(store: OutputStore, threads: FindThreads, attempt: AttemptRef, options: FindOptions) {
    this.#store = store;
    this.#threads = threads;
    this.#attempt = attempt;
    this.#options = options;
    this.#holds = createLineMatch(options);
    this.#deadline = performance.now() + options.budgetMs;
  }

  async run(): Promise<FoundLines> {
    const start = await this.#startChunk();
    if (start === null) return { lines: [], searchedTo: this.#options.from, isComplete: true };
    const ahead: Promise<Batch>[] = [];
    let next: Range | null = this.#rangeFrom(start);
    let searchedTo = this.#options.from;
    try {
      for (;;) {
        while (next && ahead.length < batchesAhead) {
          ahead.push(this.#search(next));
          next = this.#rangeAfter(next);
        }
        const batch = await ahead.shift();
        if (!batch) return { lines: this.#lines, searchedTo, isComplete: true };
        for (const chunk of this.#inOrder(batch.chunks)) {
          const candidate = batch.candidates.get(chunk.number);
          if (candidate) {
            const place = await this.#collect(chunk, candidate);
            if (place !== null) return { lines: this.#lines, searchedTo: place, isComplete: false };
          }
          searchedTo = await this.#placeBeyond(chunk);
        }
        if (batch.isLast) return { lines: this.#lines, searchedTo, isComplete: true };
        if (performance.now() > this.#deadline) return { lines: this.#lines, searchedTo, isComplete: false };
      }
    } finally {
      // Batches that nobody waits for any more may still fail.
      await Promise.allSettled(ahead);
    }
  }

  async #startChunk(): Promise<number | null> {
    const { from, stream, direction } = this.#options;
    if (from === null) {
      if (direction === 'forward') return 0;
      return (await this.#store.last(this.#attempt))?.number ?? null;
    }
    if (from.by === 'place') return from.chunk;
    const [chunk] = await this.#store.read(
      this.#attempt,
      { by: 'line', stream: stream ?? from.stream, line: from.line },
      1,
    );
    if (chunk) return chunk.number;
    // Beyond the last line: nothing to come, or everything before it.
    return direction === 'forward' ? null : ((await this.#store.last(this.#attempt))?.number ?? null);
  }

  #rangeFrom(chunk: number): Range {
    return this.#options.direction === 'forward'
      ? { first: chunk, last: chunk + chunksAtOnce - 1 }
      : { first: Math.max(0, chunk - chunksAtOnce + 1), last: chunk };
  }

  #rangeAfter({ first, last }: Range): Range | null {
    if (this.#options.direction === 'forward') return this.#rangeFrom(last + 1);
    return first === 0 ? null : this.#rangeFrom(first - 1);
  }

  async #search({ first, last }: Range): Promise<Batch> {
    const context = Math.max(0, first - 1);
    const read = await this.#store.read(this.#attempt, { by: 'chunk', number: context }, last - context + 1);
    const { text, ignoresCase } = this.#options;
    const found = read.length > 0 ? await this.#threads.candidates(read, { text, ignoresCase }) : [];
    const candidates = new Map(found.map((candidate) => [read[candidate.index]?.number ?? -1, candidate]));
    const isLast = this.#options.direction === 'forward' ? (read.at(-1)?.number ?? -1) < last : first === 0;
    return { chunks: read.filter(({ number }) => number >= first), candidates, isLast };
  }

  #inOrder<T>(items: T[]): T[] {
    return this.#options.direction === 'forward' ? items : items.toReversed();
  }

  /** Takes the lines of a chunk that hold the text; the place after the last one when there is no room for more. */
  async #collect(chunk: OutputChunk, { continues }: Candidate): Promise<FindOptions['from']> {
    const lines = await linesOfChunk(chunk);
    const completing = new Set(continues.map((stream) => lines.find((line) => line.stream === stream)));
    for (const line of this.#inOrder(lines)) {
      if (!this.#isSought(line, chunk.number) || !(completing.has(line) || this.#holds(line.text))) continue;
      this.#lines.push({ ...line, place: `${chunk.number}.${line.index}` });
      this.#room -= line.text.length;
      if (this.#lines.length === this.#options.limit || this.#room <= 0)
        return this.#placeAfter(line, chunk.number);
    }
    return null;
  }

  #isSought(line: ChunkLine, chunk: number): boolean {
    const { stream, from, direction } = this.#options;
    if (line.kind === 'gap' || (stream !== null && line.stream !== stream)) return false;
    return !from || isBeyond(line, chunk, from, direction);
  }

  #placeAfter(line: ChunkLine, chunk: number): FindOptions['from'] {
    const step = this.#options.direction === 'forward' ? 1 : 0;
    if (this.#options.stream !== null && line.line !== null)
      return { by: 'line', stream: this.#options.stream, line: line.line + step };
    return { by: 'place', chunk, index: line.index + step };
  }

  async #placeBeyond(chunk: OutputChunk): Promise<FindOptions['from']> {
    const { stream, direction } = this.#options;
    const isForward = direction === 'forward';
    if (stream !== null) {
      const span = chunk[stream];
      return { by: 'line', stream, line: isForward ? span.line + span.lines : span.line };
    }
    if (!isForward || chunk.isFull)
      return { by: 'place', chunk: isForward ? chunk.number + 1 : chunk.number, index: 0 };
    // The tail still grows, and a line without an end is to be looked at once more.
    const lines = await linesOfChunk(chunk);
    return { by: 'place', chunk: chunk.number, index: lines.filter(({ isPartial }) => !isPartial).length };
  }
}

function isBeyond(
  line: ChunkLine,
  chunk: number,
  from: NonNullable<FindOptions['from']>,
  direction: FindOptions['direction'],
): boolean {
  if (from.by === 'place') {
    if (chunk !== from.chunk) return true;
    return direction === 'forward' ? line.index >= from.index : line.index < from.index;
  }
  if (line.stream !== from.stream || line.line === null) return true;
  return direction === 'forward' ? line.line >= from.line : line.line < from.line;
}
