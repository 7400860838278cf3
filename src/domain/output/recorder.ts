import type {
  OutputChunk,
  OutputOptions,
  OutputRecorder,
  OutputSink,
  OutputStore,
  StreamPositions,
} from './ports.ts';
import { backoffMs } from '../../lib/backoff.ts';
import { delay } from '../../lib/delay.ts';
import type { Logger } from '../../lib/logger.ts';
import { OutputWriter } from './writer.ts';
import type { Stream } from '../../contract/stream.ts';

/** How long output may wait before people see it. */
const flushEveryMs = 200;

/** So much waiting is written at once. */
const flushAtBytes = 256 * 1024;

const retry = { initialMs: 100, factor: 2, maxMs: 5_000 };

/**
 * One statement writes whatever waits, one at a time. While the store is away nothing is lost: the launcher keeps what
 * has not been confirmed, and the same chunks are written again.
 */
export function createOutputRecorder(store: OutputStore, logger: Logger): OutputRecorder {
  const flusher = new Flusher(store, logger);
  return {
    open: (options) => flusher.add(new OutputWriter(options), options),
    reopen: async (options) => {
      const last = await store.last(options);
      return flusher.add(await OutputWriter.resume(options, last), options);
    },
    stop: () => flusher.stop(),
  };
}

class Sink implements OutputSink {
  readonly writer: OutputWriter;
  readonly onStored: (upTo: StreamPositions) => void;
  readonly #flusher: Flusher;
  onClosed: (() => void) | null = null;

  constructor(writer: OutputWriter, onStored: (upTo: StreamPositions) => void, flusher: Flusher) {
    this.writer = writer;
    this.onStored = onStored;
    this.#flusher = flusher;
  }

  get received(): StreamPositions {
    return this.writer.received;
  }

  get pendingBytes(): number {
    return this.writer.pendingBytes;
  }

  /** More comes than is written: what is not full yet can wait. */
  get isPressed(): boolean {
    return this.onClosed === null && this.writer.pendingBytes >= flushAtBytes;
  }

  get isUrgent(): boolean {
    return this.onClosed !== null || this.writer.pendingBytes >= flushAtBytes;
  }

  append(stream: Stream, bytes: Buffer, at: Date): void {
    this.writer.append(stream, bytes, at);
    this.#flusher.touched(this);
  }

  gap(reason: string, at: Date): void {
    this.writer.gap(reason, at);
    this.#flusher.touched(this);
  }

  async close(): Promise<boolean> {
    if (this.writer.isStored) {
      this.#flusher.remove(this);
      return true;
    }
    return new Promise((resolve) => {
      this.onClosed = () => {
        this.#flusher.remove(this);
        resolve(this.writer.isStored);
      };
      this.#flusher.touched(this);
    });
  }
}

class Flusher {
  readonly #store: OutputStore;
  readonly #logger: Logger;
  readonly #sinks = new Set<Sink>();
  readonly #stopping = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #timerIsUrgent = false;
  #flushing: Promise<void> | undefined;

  constructor(store: OutputStore, logger: Logger) {
    this.#store = store;
    this.#logger = logger;
  }

  add(writer: OutputWriter, options: OutputOptions): Sink {
    const sink = new Sink(writer, options.onStored, this);
    this.#sinks.add(sink);
    return sink;
  }

  remove(sink: Sink): void {
    this.#sinks.delete(sink);
  }

  touched(sink: Sink): void {
    if (this.#stopping.signal.aborted) {
      // Nobody flushes any more.
      if (sink.onClosed) setImmediate(sink.onClosed);
      return;
    }
    if (!this.#flushing) this.#plan(sink.isUrgent);
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    clearTimeout(this.#timer);
    await this.#flushing;
    await this.#flush();
    for (const sink of this.#sinks) sink.onClosed?.();
  }

  #plan(isUrgent: boolean): void {
    if (this.#timer && (this.#timerIsUrgent || !isUrgent)) return;
    clearTimeout(this.#timer);
    this.#timerIsUrgent = isUrgent;
    this.#timer = setTimeout(
      () => {
        this.#timer = undefined;
        this.#flushing = this.#flush().finally(() => {
          this.#flushing = undefined;
          this.#planNext();
        });
      },
      isUrgent ? 0 : flushEveryMs,
    );
  }

  #planNext(): void {
    if (this.#stopping.signal.aborted) return;
    for (const sink of this.#sinks) if (!sink.writer.isStored) this.#plan(sink.isUrgent);
  }

  async #flush(): Promise<void> {
    const sinks = [...this.#sinks].filter(({ writer }) => !writer.isStored);
    if (sinks.length === 0) return;
    const isLast = this.#stopping.signal.aborted;
    const taken = await Promise.all(
      sinks.map(async (sink) => ({ sink, ...(await sink.writer.take({ all: isLast || !sink.isPressed })) })),
    );
    const isStored = await this.#write(taken.flatMap(({ chunks }) => chunks));
    if (!isStored) return;
    for (const { sink, mark } of taken) {
      sink.writer.settle(mark);
      sink.onStored(mark.upTo);
      if (sink.writer.isStored) sink.onClosed?.();
    }
  }

  async #write(chunks: OutputChunk[]): Promise<boolean> {
    for (let failures = 0; ;) {
      try {
        await this.#store.write(chunks);
        return true;
      } catch (error) {
        failures += 1;
        this.#logger.warn(
          { err: error, chunks: chunks.length },
          'Output could not be stored yet; trying again.',
        );
        if (this.#stopping.signal.aborted) return false;
        await delay(backoffMs(failures, retry), this.#stopping.signal);
      }
    }
  }
}
