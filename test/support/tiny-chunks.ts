import { createOutputStore } from '../../src/adapters/store/output-store.ts';
import type { Database } from '../../src/adapters/store/database.ts';
import type { AttemptRef, OutputChunk } from '../../src/domain/output/ports.ts';

/** Stores so many chunks of one line each, `line 0` and so on: searches come in pages of chunks, however small these are. */
export async function storeTinyChunks(db: Database, attempt: AttemptRef, count: number): Promise<void> {
  const store = createOutputStore(db);
  await store.preparePartitions(2);
  let position = { line: 0, byte: 0 };
  const chunks: OutputChunk[] = [];
  for (let number = 0; number < count; number += 1) {
    const chunk = tinyChunk(attempt, { number, position, text: `line ${number}\n` });
    chunks.push(chunk);
    position = { line: chunk.stdout.line + chunk.stdout.lines, byte: chunk.stdout.byte + chunk.stdout.bytes };
  }
  await store.write(chunks);
}

/** @param options `text`: lines of stdout, less than 128 bytes of them; `position`: of the first one */
export function tinyChunk(
  { jobId, number: attempt, claimedAt }: AttemptRef,
  options: { number: number; position: { line: number; byte: number }; text: string; isFull?: boolean },
): OutputChunk {
  const { number, position, isFull = true } = options;
  const text = Buffer.from(options.text);
  return {
    jobId,
    attempt,
    claimedAt,
    number,
    stdout: { ...position, lines: options.text.split('\n').length - 1, bytes: text.length },
    stderr: { line: 0, byte: 0, lines: 0, bytes: 0 },
    startedAt: claimedAt,
    isFull,
    codec: 'plain',
    // A record of text of stdout, no time after the begin of the chunk.
    data: Buffer.concat([Buffer.from([0, 0, text.length]), text]),
  };
}
