import { zstdDecompressSync } from 'node:zlib';
import { unpacking, walkRecords } from '../chunk.ts';
import type { Stream } from '../../../contract/stream.ts';

/** The bytes to look for, lower-cased when case is ignored. */
export interface Needle {
  bytes: Buffer;
  ignoresCase: boolean;
}

export interface StoredChunk {
  codec: 'plain' | 'zstd';
  data: Uint8Array;
}

export interface Candidate {
  /** Among the chunks that were handed in. */
  index: number;
  /** Streams whose first piece here completes the text that the chunk before began. */
  continues: Stream[];
}

/**
 * Says which of these consecutive chunks may hold the text. It may name one too many (a record's header can look like
 * text), never one too few: the text may also lie across two pieces of a line that was too long for one record, so the
 * end of an open line is kept until its next piece comes.
 */
export function findCandidates(chunks: readonly StoredChunk[], needle: Needle): Candidate[] {
  const open: Record<Stream, OpenLine> = { stdout: closedLine, stderr: closedLine };
  const found: Candidate[] = [];
  for (const [index, chunk] of chunks.entries()) {
    const plain = decompress(chunk);
    const crossed = findCrossings(plain, { open, needle, index });
    if (crossed.isInside || crossed.continues.length > 0 || contains(plain, needle))
      found.push({ index, continues: crossed.continues });
  }
  return found;
}

/** The end of a line that is not complete yet, and the chunk in which it lies. */
interface OpenLine {
  bytes: Buffer;
  index: number;
}

const closedLine: OpenLine = { bytes: Buffer.alloc(0), index: -1 };

function decompress({ codec, data }: StoredChunk): Buffer {
  return codec === 'zstd'
    ? zstdDecompressSync(data, unpacking)
    : Buffer.from(data.buffer, data.byteOffset, data.byteLength);
}

/**
 * Latin-1 makes each byte a character, so bytes are compared. It also folds some that are no letters of ASCII: one
 * chunk too many, at most.
 */
function contains(bytes: Buffer, { bytes: wanted, ignoresCase }: Needle): boolean {
  if (!ignoresCase) return bytes.includes(wanted);
  return bytes.toString('latin1').toLowerCase().includes(wanted.toString('latin1').toLowerCase());
}

function findCrossings(
  plain: Buffer,
  { open, needle, index }: { open: Record<Stream, OpenLine>; needle: Needle; index: number },
): { isInside: boolean; continues: Stream[] } {
  const reach = needle.bytes.length - 1;
  const crossings = { isInside: false, continues: [] as Stream[] };
  walkRecords(plain, ({ stream, kind, start, end }) => {
    if (kind === 'gap') return;
    const before = open[stream];
    if (before.bytes.length > 0) {
      const joined = Buffer.concat([before.bytes, plain.subarray(start, Math.min(end, start + reach))]);
      const isHit = contains(joined, needle);
      if (isHit && before.index === index) crossings.isInside = true;
      if (isHit && before.index !== index) crossings.continues.push(stream);
    }
    const isOpen = plain[end - 1] !== 10;
    // A piece may be shorter than the reach; then what stood before it still counts.
    open[stream] = isOpen
      ? { bytes: lastBytes(before.bytes, plain.subarray(start, end), reach), index }
      : closedLine;
  });
  return crossings;
}

function lastBytes(before: Buffer, piece: Buffer, count: number): Buffer {
  if (count === 0) return Buffer.alloc(0);
  if (piece.length >= count) return Buffer.from(piece.subarray(-count));
  return Buffer.concat([before, piece]).subarray(-count);
}
