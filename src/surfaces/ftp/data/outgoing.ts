import type { Writable } from 'node:stream';
import { Refusal } from '../replies.ts';
import type { Pace } from './pace.ts';
import type { StallClock } from './stall-clock.ts';

export interface DataOptions {
  clock: StallClock;
  pace: Pace;
  /** Aborted: the transfer ends at once, with the reason. */
  signal: AbortSignal;
}

/** What is sent on a data connection. */
export class Outgoing {
  readonly #stream: Writable;
  readonly #options: DataOptions;
  #failure: Error | null = null;
  #wake: (() => void) | null = null;

  constructor(stream: Writable, options: DataOptions) {
    this.#stream = stream;
    this.#options = options;
    const fail = (error: Error): void => {
      this.#failure ??= error;
      this.#wake?.();
    };
    const broken = new Refusal(426, 'The data connection was closed before everything was sent.');
    stream.on('error', () => fail(broken));
    stream.on('close', () => fail(broken));
    const { signal } = options;
    signal.addEventListener('abort', () => fail(signal.reason as Error), { once: true });
    if (signal.aborted) fail(signal.reason as Error);
  }

  /** Resolves when the bytes are sent, so that their memory may be used again. @throws what ended the transfer */
  async write(bytes: Uint8Array): Promise<void> {
    this.#check();
    await this.#options.pace.take(bytes.length);
    this.#check();
    let isSent = false;
    const sent = new Promise<void>((resolve) => {
      this.#wake = resolve;
      this.#stream.write(bytes, () => {
        isSent = true;
        resolve();
      });
    });
    await this.#options.clock.during(sent);
    if (!isSent || this.#failure) this.#check();
  }

  /** Says the end and resolves when everything is on its way. @throws what ended the transfer */
  async finish(): Promise<void> {
    this.#check();
    const sent = new Promise<void>((resolve) => {
      this.#wake = resolve;
      this.#stream.end(resolve);
    });
    await this.#options.clock.during(sent);
    if (!this.#stream.writableFinished) this.#check();
  }

  #check(): void {
    if (this.#failure) throw this.#failure;
  }
}
