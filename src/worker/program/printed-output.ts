import type { OutputSink } from '../../domain/output/ports.ts';
import type { OutputFrame, StreamOffsets } from '../../launcher/protocol.ts';
import type { LineFeed } from './line-feed.ts';

export interface PrintLimit {
  limitBytes: number;
  /** So many bytes printed are near the limit. */
  warnBytes: number;
  /** Once. */
  onNear(printedBytes: number): void;
  /** Something was printed that is not kept. */
  onFull(): void;
}

/** What a program prints, on its way from the launcher into the record: each byte once, up to a limit. */
export class PrintedOutput {
  readonly #sink: OutputSink;
  readonly #feed: LineFeed | null;
  readonly #limit: PrintLimit;
  /** What the launcher has sent, including what the limit made us drop. */
  readonly #seen: StreamOffsets;
  #isMarked: boolean;
  #isNear = false;

  /** @param feed of the kind, where it wants to see what is kept; null: it does not */
  constructor(sink: OutputSink, feed: LineFeed | null, limit: PrintLimit) {
    this.#sink = sink;
    this.#feed = feed;
    this.#limit = limit;
    this.#seen = { ...sink.received };
    // Then an earlier life of the worker has left the mark.
    this.#isMarked = this.isFull;
  }

  /** Nothing more may be kept. */
  get isFull(): boolean {
    return this.#room <= 0;
  }

  take(frame: OutputFrame): void {
    const { stream, offset, at } = frame;
    const from = this.#seen[stream];
    const bytes = Buffer.from(frame.bytes.buffer, frame.bytes.byteOffset, frame.bytes.byteLength);
    if (offset > from && !this.isFull)
      this.gap(`${offset - from} bytes of ${stream} are not there any more`, at);
    const fresh = bytes.subarray(Math.max(0, from - offset));
    const kept = fresh.subarray(0, Math.max(0, this.#room));
    this.#seen[stream] = Math.max(from, offset + bytes.length);
    if (kept.length > 0) {
      this.#sink.append(stream, kept, at);
      this.#feed?.push(stream, kept, { at, isRepeated: false });
    }
    this.#warn();
    if (kept.length < fresh.length) this.#overflow(at);
  }

  /** Marks that something is missing here. */
  gap(reason: string, at: Date): void {
    this.#sink.gap(reason, at);
    this.#feed?.cut({ isRepeated: false });
  }

  /**
   * What the launcher need not keep any more. Behind a limit nothing is stored, and it must not keep that either.
   * @param stored up to where the record has it
   */
  droppable(stored: StreamOffsets): StreamOffsets {
    return this.#sink.pendingBytes === 0 ? this.#seen : stored;
  }

  get #room(): number {
    const { stdout, stderr } = this.#sink.received;
    return this.#limit.limitBytes - stdout - stderr;
  }

  #warn(): void {
    const printed = this.#seen.stdout + this.#seen.stderr;
    if (this.#isNear || printed < this.#limit.warnBytes) return;
    this.#isNear = true;
    this.#limit.onNear(printed);
  }

  #overflow(at: Date): void {
    if (!this.#isMarked)
      this.gap(
        `the program printed more than the limit of ${this.#limit.limitBytes} bytes; the rest was not kept`,
        at,
      );
    this.#isMarked = true;
    this.#limit.onFull();
  }
}
