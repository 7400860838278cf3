import type { OutputSink } from '../../domain/output/ports.ts';
import type { OutputFrame, ProgramEnd, ProgramNews, StreamOffsets } from '../../launcher/protocol.ts';
import type { ProgramLauncher, ProgramListener } from '../../launcher/client/ports.ts';

export type ProgramResult = { status: 'ended'; end: ProgramEnd } | { status: 'lost'; reason: string };

export interface ProgramRunOptions {
  key: string;
  launcher: ProgramLauncher;
  output: OutputSink;
  killGraceMs: number;
  outputLimitBytes: number;
  /** So many bytes printed are near the limit. */
  warnBytes: number;
  /** Once. */
  onNearLimit(printedBytes: number): void;
  /** The program printed more than it may. */
  onLimit(): void;
  onWatched(news: ProgramNews): void;
}

/** One program in the launcher: its output into the sink, its end as a promise, its stop with a grace. */
export class ProgramRun implements ProgramListener {
  readonly result: Promise<ProgramResult>;
  readonly #options: ProgramRunOptions;
  readonly #resolve: (result: ProgramResult) => void;
  #killTimer: NodeJS.Timeout | undefined;
  #isStopping = false;
  #isOver = false;
  #isOverLimit = false;
  #isNearLimit = false;
  /** What the launcher has sent, including what a limit made us drop. */
  #seen: StreamOffsets;

  constructor(options: ProgramRunOptions) {
    this.#options = options;
    this.#seen = options.output.received;
    // Then an earlier life of the worker has left the mark.
    this.#isOverLimit = this.isFull;
    const { promise, resolve } = Promise.withResolvers<ProgramResult>();
    this.result = promise;
    this.#resolve = resolve;
  }

  /** Nothing more may be kept: an earlier life of the worker has seen the limit already. */
  get isFull(): boolean {
    return this.#room <= 0;
  }

  onWatched(news: ProgramNews): void {
    this.#options.onWatched(news);
  }

  onOutput(frame: OutputFrame): void {
    const { output } = this.#options;
    const { stream, offset } = frame;
    const at = this.#seen[stream];
    const bytes = Buffer.from(frame.bytes.buffer, frame.bytes.byteOffset, frame.bytes.byteLength);
    if (offset > at && !this.isFull)
      output.gap(`${offset - at} bytes of ${stream} are not there any more`, frame.at);
    const fresh = bytes.subarray(Math.max(0, at - offset));
    this.#seen[stream] = Math.max(at, offset + bytes.length);
    const room = this.#room;
    this.#warn();
    if (fresh.length <= room) return output.append(stream, fresh, frame.at);
    if (room > 0) output.append(stream, fresh.subarray(0, room), frame.at);
    this.#exceed(frame.at);
    this.confirm(output.received);
  }

  onEnd(end: ProgramEnd): void {
    this.#finish({ status: 'ended', end });
  }

  onLost(reason: string): void {
    this.#options.output.gap(reason, new Date());
    this.#finish({ status: 'lost', reason });
  }

  /** Tells the launcher what it may drop. */
  confirm(stored: StreamOffsets): void {
    const { key, launcher, output } = this.#options;
    // Behind a limit nothing is stored any more, but the launcher must not keep it either.
    launcher.committed(key, output.pendingBytes === 0 ? this.#seen : stored);
  }

  /** Asks the program to end, and ends it when it does not. */
  stop(): void {
    if (this.#isStopping || this.#isOver) return;
    this.#isStopping = true;
    const { key, launcher, killGraceMs } = this.#options;
    launcher.signal(key, 'SIGTERM');
    this.#killTimer = setTimeout(() => launcher.signal(key, 'SIGKILL'), killGraceMs);
  }

  kill(): void {
    if (!this.#isOver) this.#options.launcher.signal(this.#options.key, 'SIGKILL');
  }

  /** The worker goes, the program stays. */
  abandon(): void {
    clearTimeout(this.#killTimer);
  }

  get #room(): number {
    const { output, outputLimitBytes } = this.#options;
    const { stdout, stderr } = output.received;
    return outputLimitBytes - stdout - stderr;
  }

  #warn(): void {
    const printed = this.#seen.stdout + this.#seen.stderr;
    if (this.#isNearLimit || printed < this.#options.warnBytes) return;
    this.#isNearLimit = true;
    this.#options.onNearLimit(printed);
  }

  #exceed(at: Date): void {
    if (this.#isOverLimit) return;
    this.#isOverLimit = true;
    this.#options.output.gap(
      `the program printed more than the limit of ${this.#options.outputLimitBytes} bytes; the rest was not kept`,
      at,
    );
    this.#options.onLimit();
  }

  #finish(result: ProgramResult): void {
    this.#isOver = true;
    clearTimeout(this.#killTimer);
    this.#resolve(result);
  }
}
