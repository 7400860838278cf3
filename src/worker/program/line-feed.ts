import { streams, type Stream } from '../../contract/stream.ts';
import type { ProgramLine } from '../../domain/jobs/kind-ports.ts';

/** Longer lines come in pieces. */
const longestBytes = 64 * 1024;

interface OpenLine {
  pieces: Buffer[];
  bytes: number;
  at: Date;
  /** Of a line that was too long: its first pieces were shown. */
  isRest: boolean;
}

type Origin = Pick<ProgramLine, 'at' | 'isRepeated'>;

/** Cuts what a program prints into lines for the kind that follows it. */
export class LineFeed {
  readonly #onLine: (line: ProgramLine) => unknown;
  readonly #open: Partial<Record<Stream, OpenLine>> = {};
  #problem: Error | null = null;

  constructor(onLine: (line: ProgramLine) => unknown) {
    this.#onLine = onLine;
  }

  /** Why nothing more is shown. A kind that fails must fail neither its program nor the worker. */
  get problem(): Error | null {
    return this.#problem;
  }

  push(stream: Stream, bytes: Buffer, origin: Origin): void {
    let from = 0;
    for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10, from)) {
      this.#keep(stream, bytes.subarray(from, end), origin.at);
      this.#show(stream, origin.isRepeated);
      from = end + 1;
    }
    if (from === bytes.length) return;
    // A copy: the rest of a frame must not be held for a line that has no end yet.
    const line = this.#keep(stream, Buffer.from(bytes.subarray(from)), origin.at);
    if (line.bytes < longestBytes) return;
    this.#show(stream, origin.isRepeated);
    this.#open[stream] = { pieces: [], bytes: 0, at: line.at, isRest: true };
  }

  /** Nothing follows what has no end yet: the program has ended, or something is missing here. */
  cut({ isRepeated }: Pick<Origin, 'isRepeated'>): void {
    for (const stream of streams) if (this.#open[stream]) this.#show(stream, isRepeated);
  }

  fail(error: unknown): void {
    this.#problem ??= error instanceof Error ? error : new Error(String(error));
  }

  #keep(stream: Stream, bytes: Buffer, at: Date): OpenLine {
    const line = (this.#open[stream] ??= { pieces: [], bytes: 0, at, isRest: false });
    line.pieces.push(bytes);
    line.bytes += bytes.length;
    return line;
  }

  #show(stream: Stream, isRepeated: boolean): void {
    const line = this.#open[stream];
    delete this.#open[stream];
    if (!line || this.#problem || (line.isRest && line.bytes === 0)) return;
    const text = Buffer.concat(line.pieces).toString();
    try {
      const answer = this.#onLine({ stream, text, at: line.at, isRepeated });
      // Nobody waits for it, but a rejection that nobody hears would end the process.
      if (answer instanceof Promise) answer.catch((error: unknown) => this.fail(error));
    } catch (error) {
      this.fail(error);
    }
  }
}
