import { closeSync } from 'node:fs';
import { Socket } from 'node:net';
import type { Libc } from './libc.ts';
import { frameBytes } from './protocol.ts';
import type { OutputPipe, PipeSink } from './spawner.ts';

// All pipes are read on one thread and sinks copy, so one buffer serves them all: what the event loop reads, and another
// one what is read between, since one pipe is read while the bytes of the other wait.
const fromLoop = Buffer.allocUnsafeSlow(frameBytes);
const direct = Buffer.allocUnsafeSlow(frameBytes);
/** One drain takes no more, or a stranger that never stops writing would hold the event loop. */
const drainReads = 32;
const F_SETFL = 4;
const F_SETPIPE_SZ = 1031;
const O_NONBLOCK = 0x800;

/** Who writes less at once prints lines. These are read as they come, in the order of both streams. */
const bulkBytes = 4096;
const roundMs = 2;
const largePipeBytes = 1024 * 1024;
/**
 * The kernel lets a user without privileges fill 64 MiB of pipes; beyond it every new pipe of that user, in the programs
 * as well, gets a page or two.
 */
const mostLargePipes = 32;
let largePipes = 0;

/**
 * A pipe read without a net.Socket at first: the socket costs 0.1 ms to make and close, more than the rest of a
 * short program. Most short programs end before `read` is called and are read by one `drain`.
 *
 * Who prints much gets a larger pipe, which is emptied in rounds: eagerly each read finds 5 KB, every 2 ms as much as a
 * frame holds, for a third of the processor. Where the system does not give a larger one, it is read eagerly as before.
 */
export class FdPipe implements OutputPipe {
  readonly #libc: Libc;
  readonly #fd: number;
  #other: FdPipe | null = null;
  #sink: PipeSink | null = null;
  #socket: Socket | null = null;
  /** Null: not asked for. */
  #isLarge: boolean | null = null;
  #round: NodeJS.Timeout | null = null;
  #isPaused = false;
  #isEnded = false;

  constructor(libc: Libc, fd: number) {
    this.#libc = libc;
    this.#fd = fd;
    libc.fcntl(fd, F_SETFL, O_NONBLOCK);
  }

  /** The other stream of the same program: what it printed first comes first, though it is read in rounds. */
  besides(other: FdPipe): void {
    this.#other = other;
  }

  read(sink: PipeSink): void {
    this.#sink = sink;
  }

  catchUp(): void {
    if (this.#round) this.#take();
  }

  /** From now on the event loop reads. */
  watch(): void {
    if (this.#isEnded || this.#socket) return;
    this.#socket = new Socket({
      fd: this.#fd,
      readable: true,
      writable: false,
      onread: {
        buffer: fromLoop,
        callback: (length) => {
          this.#other?.catchUp();
          this.#sink?.onBytes(fromLoop.subarray(0, length));
          return !this.#isPaused && !this.#beginRounds(length);
        },
      },
    });
    const end = (): void => this.#end();
    this.#socket.on('end', end).on('error', end);
    if (this.#isPaused) this.#socket.pause();
    else this.#socket.resume();
  }

  drain(): void {
    this.#take();
  }

  pause(): void {
    this.#isPaused = true;
    this.#socket?.pause();
  }

  resume(): void {
    this.#isPaused = false;
    if (!this.#round) this.#socket?.resume();
  }

  close(): void {
    this.#end();
  }

  /** @returns how many bytes there were */
  #take(): number {
    let taken = 0;
    for (let reads = 0; reads < drainReads && !this.#isPaused && !this.#isEnded; reads += 1) {
      const length = this.#libc.read(this.#fd, direct, direct.length);
      if (length === 0) this.#end();
      if (length <= 0) break;
      taken += length;
      this.#sink?.onBytes(direct.subarray(0, length));
    }
    return taken;
  }

  /** False: it is read by the event loop. */
  #beginRounds(justRead: number): boolean {
    if (justRead < bulkBytes || !this.#enlarge()) return false;
    this.#round = setTimeout(() => {
      this.#round = null;
      const taken = this.#take();
      if (this.#isEnded || this.#isPaused || this.#beginRounds(taken)) return;
      this.#socket?.resume();
    }, roundMs);
    return true;
  }

  #enlarge(): boolean {
    if (this.#isLarge !== null) return this.#isLarge;
    this.#isLarge =
      largePipes < mostLargePipes && this.#libc.fcntl(this.#fd, F_SETPIPE_SZ, largePipeBytes) >= 0;
    if (this.#isLarge) largePipes += 1;
    return this.#isLarge;
  }

  #end(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    if (this.#round) clearTimeout(this.#round);
    if (this.#isLarge) largePipes -= 1;
    if (this.#socket) this.#socket.destroy();
    else closeSync(this.#fd);
    this.#sink?.onEnd();
  }
}
