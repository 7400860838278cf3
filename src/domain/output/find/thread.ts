/** The inside of a thread that decompresses chunks of output and looks for text in them. */
import { parentPort } from 'node:worker_threads';
import { type Candidate, findCandidates, type StoredChunk } from './candidates.ts';
import type { SoughtText } from './line-match.ts';

export interface FindRequest {
  id: number;
  sought: SoughtText;
  chunks: StoredChunk[];
}

export type FindReply = { id: number; candidates: Candidate[] } | { id: number; problem: string };

parentPort?.on('message', ({ id, sought, chunks }: FindRequest) => {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
  parentPort?.postMessage(answer(id, sought, chunks));
});

function answer(id: number, sought: SoughtText, chunks: StoredChunk[]): FindReply {
  try {
    return { id, candidates: findCandidates(chunks, sought) };
  } catch (error) {
    return { id, problem: error instanceof Error ? error.message : String(error) };
  }
}
