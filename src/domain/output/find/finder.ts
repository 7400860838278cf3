/**
 * Finds lines that hold a text in what one attempt printed, while it is still printed as well.
 *
 * Threads read pages of chunks, a few pages ahead, and give back the chunks that may hold the text; only these are then
 * cut into lines, which are compared for good. A search ends at its limit of lines, at the end of what is stored, or
 * when its time is up or nobody waits for it; it always says how far it came, and can go on from there.
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
import type { SearchedChunk } from './thread.ts';
import type { FindThreads } from './threads.ts';

/** Some MiB of text, where most searches end: little was printed, or the text stands in many lines. Read by itself. */
const firstPageChunks = 8;
/** Some 4 MB as they are stored; 64 took as long. */
const pageChunks = 128;
const pagesAhead = 4;

/** Text of one answer; the last line, or its piece in one chunk, may go beyond it. */
const mostCharacters = 1024 * 1024;

interface Batch {
  chunks: SearchedChunk[];
  /** Nothing is stored beyond it in the direction of the search. */
  isLast: boolean;
}

/** Chunks from `first` to `last`, both included. */
interface Range {
  first: number;
  last: number;
}

export function createOutputFinder(store: OutputStore, threads: FindThreads): OutputFinder {
  return { find: (attempt, options) => new Search(store, threads, attempt, options).run() };
}

class Search {
  readonly #store: OutputStore;
  readonly #threads: FindThreads;
  readonly #attempt: AttemptRef;
  readonly #options: FindOptions;
  readonly #holds: (line: string) => boolean;
  readonly #lines: FoundLines['lines'] = [];
  #deadline: number | undefined;
  readonly #over = new AbortController();
  /** Nobody wants the pages of this search any more. */
  readonly #signal: AbortSignal;
  #searchedTo: FindOptions['from'];
  #room = mostCharacters;

  constructor(store: OutputStore, threads: FindThreads, attempt: AttemptRef, options: FindOptions) {
    this.#store = store;
    this.#threads = threads;
    this.#attempt = attempt;
    this.#options = options;
    this.#holds = createLineMatch(options);
    this.#searchedTo = options.from;
    this.#signal = AbortSignal.any([this.#over.signal, ...(options.signal ? [options.signal] : [])]);
  }

  async run(): Promise<FoundLines> {
    try {
      const isComplete = await this.#look();
      return { lines: this.#lines, searchedTo: this.#searchedTo, isComplete };
    } catch (error) {
      if (!this.#options.signal?.aborted) throw error;
      return { lines: this.#lines, searchedTo: this.#searchedTo, isComplete: false };
    } finally {
      this.#over.abort();
    }
  }

  /** @returns whether everything was looked at */
  async #look(): Promise<boolean> {
    const start = await this.#startChunk();
    if (start === null) return true;
    for await (const { chunks, isLast } of this.#pages(start)) {
      for (const { chunk, candidate } of this.#inOrder(chunks)) {
        const isFull = candidate !== null && (await this.#collect(chunk, candidate));
        if (isFull) return false;
        this.#searchedTo = await this.#placeBeyond(chunk);
      }
      if (isLast) return true;
    }
    return false;
  }

  /** In the direction of the search; begins no more of them when the time is up. */
  async *#pages(start: number): AsyncGenerator<Batch> {
    const ahead: Promise<Batch>[] = [];
    let range: Range | null = this.#rangeFrom(start, firstPageChunks);
    for (let most = 1; ; most = this.#isOver() ? 0 : pagesAhead) {
      while (range && ahead.length < most) {
        ahead.push(this.#search(range));
        range = this.#rangeAfter(range);
      }
      const page = await ahead.shift();
      if (!page) return;
      yield page;
    }
  }

  /** Asked after each page: until the first one was read, others had the threads, or they were just started. */
  #isOver(): boolean {
    this.#deadline ??= performance.now() + this.#options.budgetMs;
    return this.#signal.aborted || performance.now() >= this.#deadline;
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

  #rangeFrom(chunk: number, count = pageChunks): Range {
    return this.#options.direction === 'forward'
      ? { first: chunk, last: chunk + count - 1 }
      : { first: Math.max(0, chunk - count + 1), last: chunk };
  }

  #rangeAfter({ first, last }: Range): Range | null {
    if (this.#options.direction === 'forward') return this.#rangeFrom(last + 1);
    return first === 0 ? null : this.#rangeFrom(first - 1);
  }

  #search({ first, last }: Range): Promise<Batch> {
    const { text, ignoresCase, direction } = this.#options;
    const page = { attempt: this.#attempt, first, count: last - first + 1, sought: { text, ignoresCase } };
    const searched = this.#threads.search(page, this.#signal).then(({ chunks, hasMore }) => ({
      chunks,
      isLast: direction === 'forward' ? !hasMore : first === 0,
    }));
    // Pages that nobody waits for any more may still fail.
    searched.catch(() => undefined);
    return searched;
  }

  #inOrder<T>(items: T[]): T[] {
    return this.#options.direction === 'forward' ? items : items.toReversed();
  }

  /** Takes the lines of a chunk that hold the text. @returns true, and where to go on, when there is no room for more */
  async #collect(chunk: OutputChunk, { continues }: Candidate): Promise<boolean> {
    const lines = await linesOfChunk(chunk);
    const completing = new Set(continues.map((stream) => lines.find((line) => line.stream === stream)));
    for (const line of this.#inOrder(lines)) {
      if (!this.#isSought(line, chunk.number) || !(completing.has(line) || this.#holds(line.text))) continue;
      this.#lines.push({ ...line, place: `${chunk.number}.${line.index}` });
      this.#room -= line.text.length;
      if (this.#lines.length < this.#options.limit && this.#room > 0) continue;
      this.#searchedTo = this.#placeAfter(line, chunk.number);
      return true;
    }
    return false;
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
