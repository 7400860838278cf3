import type { AttemptOutput, AttemptRef, ChunkSpan } from './ports.ts';
import { headerBytes, packChunk, writeRecord } from './chunk.ts';

/**
 * Marks at the end of what is stored that more may be missing, on behalf of a worker that fell silent, or that what was
 * stored is gone. The mark is a chunk of its own: the stored tail is the worker's to rewrite. Should it still be alive and have more to store, it
 * takes the number of this chunk for its own.
 */
export async function appendGap(
  store: AttemptOutput,
  attempt: AttemptRef,
  { reason, at }: { reason: string; at: Date },
): Promise<void> {
  const { jobId, number, claimedAt } = attempt;
  const last = await store.last(attempt);
  const bytes = Buffer.from(reason);
  const plain = Buffer.alloc(headerBytes + bytes.length);
  const end = writeRecord(plain, 0, { stream: 'stderr', kind: 'gap', at, bytes }, at);
  const { codec, data } = packChunk(plain.subarray(0, end));
  await store.write([
    {
      jobId,
      attempt: number,
      claimedAt,
      number: last ? last.number + 1 : 0,
      stdout: behind(last?.stdout),
      stderr: behind(last?.stderr),
      startedAt: at,
      isFull: true,
      codec,
      data,
    },
  ]);
}

function behind(span: ChunkSpan | undefined): ChunkSpan {
  if (!span) return { line: 0, byte: 0, lines: 0, bytes: 0 };
  return { line: span.line + span.lines, byte: span.byte + span.bytes, lines: 0, bytes: 0 };
}
