import { closeSync } from 'node:fs';
import { Socket } from 'node:net';
import type { Libc } from './libc.ts';
import { frameBytes } from './protocol.ts';
import type { OutputPipe, PipeSink } from './spawner.ts';

// All pipes are read on one thread and sinks copy, so one buffer serves them all.
const shared = Buffer.allocUnsafe(frameBytes);
/** One drain takes no more, or a stranger that never stops writing would hold the event loop. */
const drainReads = 64;
const F_SETFL = 4;
const O_NONBLOCK = 0x800;

/**
 * A pipe read without a net.Socket at first: the socket costs 0.1 ms to make and close, more than the rest of a
 * short program. Most short programs end before `read` is called and are read by one `drain`.
 */
export class FdPipe implements OutputPipe {
  readonly #libc: Libc;
  readonly #fd: number;
  #sink: PipeSink | null = null;
  #socket: Socket | null = null;
  #isPaused = false;
  #isEnded = false;

  constructor(libc: Libc, fd: number) {
    this.#libc = libc;
    this.#fd = fd;
    libc.fcntl(fd, F_SETFL, O_NONBLOCK);
  }

  read(sink: PipeSink): void {
    this.#sink = sink;
  }

  /** From now on the event loop reads. */
  watch(): void {
    if (this.#isEnded || this.#socket) return;
    this.#socket = new Socket({
      fd: this.#fd,
      readable: true,
      writable: false,
      onread: {
        buffer: shared,
        callback: (length) => {
          this.#sink?.onBytes(shared.subarray(0, length));
          return !this.#isPaused;
        },
      },
    });
    const end = (): void => this.#end();
    this.#socket.on('end', end).on('error', end);
    if (this.#isPaused) this.#socket.pause();
    else this.#socket.resume();
  }

  drain(): void {
    for (let reads = 0; reads < drainReads && !this.#isPaused && !this.#isEnded; reads += 1) {
      const length = this.#libc.read(this.#fd, shared, shared.length);
      if (length === 0) return this.#end();
      if (length < 0) return;
      this.#sink?.onBytes(shared.subarray(0, length));
    }
  }

  pause(): void {
    this.#isPaused = true;
    this.#socket?.pause();
  }

  resume(): void {
    this.#isPaused = false;
    this.#socket?.resume();
  }

  close(): void {
    this.#end();
  }

  #end(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    if (this.#socket) this.#socket.destroy();
    else closeSync(this.#fd);
    this.#sink?.onEnd();
  }
}
