/** The inside of a thread that decompresses chunks of output and looks for text in them. */
import { parentPort } from 'node:worker_threads';
import { type Candidate, findCandidates, type StoredChunk } from './candidates.ts';

export interface FindRequest {
  id: number;
  needle: { bytes: Uint8Array; ignoresCase: boolean };
  chunks: StoredChunk[];
}

export type FindReply = { id: number; candidates: Candidate[] } | { id: number; problem: string };

parentPort?.on('message', ({ id, needle, chunks }: FindRequest) => {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
  parentPort?.postMessage(answer(id, { ...needle, bytes: Buffer.from(needle.bytes) }, chunks));
});

function answer(id: number, needle: Parameters<typeof findCandidates>[1], chunks: StoredChunk[]): FindReply {
  try {
    return { id, candidates: findCandidates(chunks, needle) };
  } catch (error) {
    return { id, problem: error instanceof Error ? error.message : String(error) };
  }
}
