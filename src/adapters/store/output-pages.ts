import type { AttemptRef, OutputChunk, OutputPages } from '../../domain/output/ports.ts';
import { BinaryCopyDecoder, type CopiedRow } from './binary-copy.ts';
import type { Database } from './database.ts';

/** 2000-01-01, from which PostgreSQL counts, in milliseconds of Unix. */
const epochMs = 946_684_800_000;

/**
 * Reads pages by COPY in binary form: the bytes come as they are stored, not as text. A COPY that is left in the middle
 * costs its connection, so a page is read to its end, whoever goes away; it is small enough for that.
 */
export function createOutputPages(db: Database): OutputPages {
  return {
    read: async (attempt, range, visit) => {
      const decoder = new BinaryCopyDecoder();
      await db.copyOut(toStatement(attempt, range), (bytes) => {
        for (const row of decoder.push(bytes)) visit(toChunk(attempt, row));
      });
      decoder.finish();
    },
  };
}

/** COPY takes no parameters: numbers and a day are written into it, and nothing else. */
function toStatement(
  { jobId, number, claimedAt }: AttemptRef,
  { from, limit }: { from: number; limit: number },
): string {
  for (const value of [jobId, number, from, limit])
    if (!Number.isSafeInteger(value)) throw new RangeError(`expected a whole number, got ${value}`);
  return `copy (
    select number, stdout_line, stdout_byte, stdout_lines, stdout_bytes, stderr_line, stderr_byte, stderr_lines,
      stderr_bytes, started_at, is_full, codec, data
    from output_chunks
    where day = '${claimedAt.toISOString().slice(0, 10)}' and job_id = ${jobId} and attempt = ${number} and number >= ${from}
    order by number limit ${limit}) to stdout (format binary)`;
}

function toChunk({ jobId, number: attempt, claimedAt }: AttemptRef, row: CopiedRow): OutputChunk {
  const field = (at: number): Buffer => {
    const value = row[at];
    if (!value) throw new Error('a chunk of output lacks a value');
    return value;
  };
  const int32 = (at: number): number => field(at).readInt32BE();
  const int64 = (at: number): number => Number(field(at).readBigInt64BE());
  return {
    jobId,
    attempt,
    claimedAt,
    number: int32(0),
    stdout: { line: int64(1), byte: int64(2), lines: int32(3), bytes: int32(4) },
    stderr: { line: int64(5), byte: int64(6), lines: int32(7), bytes: int32(8) },
    startedAt: new Date(epochMs + Math.floor(int64(9) / 1000)),
    isFull: field(10)[0] === 1,
    codec: field(11).toString() as OutputChunk['codec'],
    data: new Uint8Array(field(12)),
  };
}
