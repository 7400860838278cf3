import type { Readable } from 'node:stream';
import { Refusal } from '../replies.ts';
import { givePiece, takePiece } from './pieces.ts';
import { UnsaidEnd } from './tls-source.ts';
import type { DataOptions } from './outgoing.ts';

/**
 * What comes in on a data connection. It fills one piece of memory while the other is stored, and stops reading when that
 * takes longer.
 */
export class Incoming {
  /** By TLS, and closed without a word. */
  endedUnsaid = false;
  readonly #stream: Readable;
  readonly #options: DataOptions;
  #piece = takePiece();
  #other = takePiece();
  #length = 0;
  /** What had no room. */
  #rest: Buffer | null = null;
  #failure: Error | null = null;
  #hasEnded = false;
  #wake: (() => void) | null = null;

  constructor(stream: Readable, options: DataOptions) {
    this.#stream = stream;
    this.#options = options;
    const fail = (error: Error): void => {
      this.#failure ??= error;
      this.#wake?.();
    };
    stream.on('data', (chunk: Buffer) => this.#add(chunk));
    stream.on('end', () => {
      this.#hasEnded = true;
      this.#wake?.();
    });
    stream.on('error', (error) => {
      this.endedUnsaid ||= error instanceof UnsaidEnd;
      fail(new Refusal(426, `The data connection broke: ${reasonOf(error)}`));
    });
    stream.on('close', () => fail(new Refusal(426, 'The data connection was closed before its end.')));
    const { signal } = options;
    signal.addEventListener('abort', () => fail(signal.reason as Error), { once: true });
    if (signal.aborted) fail(signal.reason as Error);
    // It was held still until now, so that nothing is missed.
    stream.resume();
  }

  /**
   * Everything that comes until the other side says that it was all. A chunk holds until the next one is asked for.
   * @throws what ended the transfer otherwise
   */
  async *chunks(): AsyncGenerator<Buffer> {
    const { clock, pace, signal } = this.#options;
    for (;;) {
      // An abort counts at once, what arrived before a broken connection is still given out.
      signal.throwIfAborted();
      if (this.#length > 0) {
        const chunk = this.#swap();
        yield chunk;
        await pace.take(chunk.length);
      } else if (this.#hasEnded) break;
      else if (this.#failure) throw this.#failure;
      else await clock.during(this.#woken());
    }
    givePiece(this.#piece);
    givePiece(this.#other);
  }

  #add(chunk: Buffer): void {
    const taken = chunk.copy(this.#piece, this.#length);
    this.#length += taken;
    if (taken < chunk.length) {
      this.#rest = chunk.subarray(taken);
      this.#stream.pause();
    }
    this.#wake?.();
  }

  /** Gives out what came, and goes on in the other piece, which nobody uses any more. */
  #swap(): Buffer {
    const chunk = this.#piece.subarray(0, this.#length);
    [this.#piece, this.#other] = [this.#other, this.#piece];
    this.#length = 0;
    const rest = this.#rest;
    this.#rest = null;
    if (rest) this.#add(rest);
    if (!this.#rest) this.#stream.resume();
    return chunk;
  }

  #woken(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}

function reasonOf(error: Error): string {
  const code = 'code' in error ? String(error.code) : '';
  return code === 'ECONNRESET' || code === '' ? error.message.replace(/\.?$/, '.') : `${code}.`;
}
