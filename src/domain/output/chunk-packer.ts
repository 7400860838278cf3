import { Worker } from 'node:worker_threads';
import { type PackedChunk, packChunk } from './chunk.ts';
import type { PackReply, PackRequest } from './pack-thread.ts';

/** Handing less to the thread costs more than packing it here. */
const smallBytes = 32 * 1024;

/** So many rooms are kept for the next chunks: what a burst needs beyond them is given back to the system. */
const mostSpareRooms = 16;

export interface ChunkPackerOptions {
  /** Of each room. */
  roomBytes: number;
  /** What runs in the thread. */
  thread?: URL;
}

/**
 * Compresses chunks: small ones where they are, others in one thread, which starts with the first of them and never keeps
 * the process alive. Chunks lie in memory that both share, so nothing is lost with a thread that dies: what it had is
 * packed here, and the next chunk starts another one.
 */
export class ChunkPacker {
  readonly #roomBytes: number;
  readonly #code: URL;
  readonly #pending = new Map<number, { plain: Buffer; resolve(packed: PackedChunk): void }>();
  #spare: Buffer[] = [];
  #thread: Worker | null = null;
  #lastId = 0;

  constructor({ roomBytes, thread = new URL('./pack-thread.ts', import.meta.url) }: ChunkPackerOptions) {
    this.#roomBytes = roomBytes;
    this.#code = thread;
  }

  /** Where a chunk may grow to `bytes`. What was there before is still in it. */
  room(bytes: number): Buffer {
    if (bytes <= smallBytes) return Buffer.allocUnsafe(Math.min(smallBytes, Math.max(2048, 2 * bytes)));
    return this.#spare.pop() ?? Buffer.from(new SharedArrayBuffer(this.#roomBytes));
  }

  /** Packs the beginning of a room, which is used for other chunks afterwards. */
  async pack(room: Buffer, length: number): Promise<PackedChunk> {
    const plain = room.subarray(0, length);
    const packed = length <= smallBytes ? packChunk(plain) : await this.#packInThread(plain);
    if (room.length === this.#roomBytes && this.#spare.length < mostSpareRooms) this.#spare.push(room);
    return packed;
  }

  #packInThread(plain: Buffer): Promise<PackedChunk> {
    this.#lastId += 1;
    const { buffer, byteOffset, length } = plain;
    const request: PackRequest = { id: this.#lastId, plain: new Uint8Array(buffer, byteOffset, length) };
    return new Promise((resolve) => {
      this.#pending.set(request.id, { plain, resolve });
      this.#thread ??= this.#start();
      this.#thread.ref();
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
      this.#thread.postMessage(request);
    });
  }

  #start(): Worker {
    const thread = new Worker(this.#code);
    thread.on('message', (reply: PackReply) => this.#settle(thread, reply));
    // What follows is 'exit'.
    thread.on('error', () => {});
    thread.on('exit', () => this.#packRest());
    return thread;
  }

  #settle(thread: Worker, { id, packed }: PackReply): void {
    this.#pending.get(id)?.resolve(packed);
    this.#pending.delete(id);
    if (this.#pending.size === 0) thread.unref();
  }

  #packRest(): void {
    this.#thread = null;
    for (const { plain, resolve } of this.#pending.values()) resolve(packChunk(plain));
    this.#pending.clear();
  }
}
