/** The inside of the thread that compresses chunks of output. */
import { parentPort } from 'node:worker_threads';
import { type PackedChunk, packChunk } from './chunk.ts';

export interface PackRequest {
  id: number;
  /** In memory that is shared. */
  plain: Uint8Array;
}

export interface PackReply {
  id: number;
  packed: PackedChunk;
}

parentPort?.on('message', ({ id, plain }: PackRequest) => {
  const { data, ...packed } = packChunk(Buffer.from(plain.buffer, plain.byteOffset, plain.length));
  // Compressing leaves it at the beginning of a larger buffer.
  const own = new Uint8Array(data);
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
  parentPort?.postMessage({ id, packed: { ...packed, data: own } } satisfies PackReply, [own.buffer]);
});
