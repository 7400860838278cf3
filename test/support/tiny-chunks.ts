import { createOutputStore } from '../../src/adapters/store/output-store.ts';
import type { Database } from '../../src/adapters/store/database.ts';
import type { AttemptRef, OutputChunk } from '../../src/domain/output/ports.ts';

/** Stores so many chunks of one line each, `line 0` and so on: searches come in pages of chunks, however small these are. */
export async function storeTinyChunks(db: Database, attempt: AttemptRef, count: number): Promise<void> {
  const store = createOutputStore(db);
  await store.preparePartitions(2);
  let byte = 0;
  const chunks = Array.from({ length: count }, (_, number): OutputChunk => {
    const text = Buffer.from(`line ${number}\n`);
    const stdout = { line: number, byte, lines: 1, bytes: text.length };
    byte += text.length;
    return {
      jobId: attempt.jobId,
      attempt: attempt.number,
      claimedAt: attempt.claimedAt,
      number,
      stdout,
      stderr: { line: 0, byte: 0, lines: 0, bytes: 0 },
      startedAt: attempt.claimedAt,
      isFull: true,
      codec: 'plain',
      // A record of text of stdout, no time after the begin of the chunk.
      data: Buffer.concat([Buffer.from([0, 0, text.length]), text]),
    };
  });
  await store.write(chunks);
}
