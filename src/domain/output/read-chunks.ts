import type { AttemptRef, ChunkPosition, OutputChunk, OutputStore } from './ports.ts';

/** Chunks fetched per query; one chunk is at most some 128 KiB of text. */
export const chunksAtOnce = 8;

/** All chunks from a position on that are stored now. */
export async function* readChunks(
  store: OutputStore,
  attempt: AttemptRef,
  from: ChunkPosition,
): AsyncGenerator<OutputChunk> {
  let position = from;
  for (;;) {
    const chunks = await store.read(attempt, position, chunksAtOnce);
    yield* chunks;
    const last = chunks.at(-1);
    if (!last || chunks.length < chunksAtOnce) return;
    position = { by: 'chunk', number: last.number + 1 };
  }
}
