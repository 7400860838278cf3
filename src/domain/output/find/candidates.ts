import { zstdDecompressSync } from 'node:zlib';
import { unpacking, walkRecords } from '../chunk.ts';
import { streams, type Stream } from '../../../contract/stream.ts';
import { isStyledOrRewritten } from '../../../contract/terminal-line.ts';
import { createLineMatch, formsOf, type SoughtText } from './line-match.ts';

/** What one search looks for, in the forms in which it may be found. */
interface Needle {
  forms: readonly Buffer[];
  ignoresCase: boolean;
  /** How far a form reaches into the next piece of a line. */
  reach: number;
  isSeenIn(line: string): boolean;
}

export interface StoredChunk {
  codec: 'plain' | 'zstd';
  data: Uint8Array;
}

/** A chunk that may hold the text. */
export interface Candidate {
  /** Streams whose first piece here completes the text that the chunk before began. */
  continues: Stream[];
}

/**
 * Says which of consecutive chunks may hold the text. It may name one too many (a record's header can look like text),
 * never one too few: the text may also lie across two pieces of a line that was too long for one record, so the end of
 * an open line is kept until its next piece comes; and people may see it where a terminal acts on what stands between
 * its letters.
 */
export class CandidateSearch {
  readonly #needle: Needle;
  readonly #open: Record<Stream, OpenLine> = { stdout: closedLine, stderr: closedLine };
  #index = 0;

  constructor(sought: SoughtText) {
    this.#needle = toNeedle(sought);
  }

  /** Null: the text is not in this chunk, which follows the one before. @throws Error when it is damaged */
  next(chunk: StoredChunk): Candidate | null {
    const needle = this.#needle;
    const plain = decompress(chunk);
    this.#index += 1;
    const { isInside, continues } = findCrossings(plain, { open: this.#open, needle, index: this.#index });
    const mayHold = isInside || continues.length > 0 || contains(plain, needle) || isSeen(plain, needle);
    return mayHold ? { continues } : null;
  }
}

function toNeedle(sought: SoughtText): Needle {
  const forms = formsOf(sought);
  return {
    forms,
    ignoresCase: sought.ignoresCase,
    reach: Math.max(...forms.map(({ length }) => length)) - 1,
    isSeenIn: createLineMatch(sought),
  };
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
function contains(bytes: Buffer, { forms, ignoresCase }: Needle): boolean {
  if (!ignoresCase) return forms.some((wanted) => bytes.includes(wanted));
  const folded = bytes.toString('latin1').toLowerCase();
  return forms.some((wanted) => folded.includes(wanted.toString('latin1').toLowerCase()));
}

/** Whether it is seen in a line of the chunk of which people see something else than was printed. */
function isSeen(plain: Buffer, { isSeenIn }: Needle): boolean {
  if (!mayBeActedOn(plain)) return false;
  const printed: Record<Stream, Buffer[]> = { stdout: [], stderr: [] };
  walkRecords(plain, ({ stream, kind, start, end }) => {
    if (kind !== 'gap') printed[stream].push(plain.subarray(start, end));
  });
  return streams.some((stream) =>
    Buffer.concat(printed[stream])
      .toString()
      .split('\n')
      .some((line) => isStyledOrRewritten(line) && isSeenIn(line)),
  );
}

/** Escape, backspace, or a carriage return that is not just a part of the end of a line. */
function mayBeActedOn(plain: Buffer): boolean {
  if (plain.includes(0x1b) || plain.includes(0x08)) return true;
  for (let at = plain.indexOf(13); at >= 0; at = plain.indexOf(13, at + 1))
    if (plain[at + 1] !== 10) return true;
  return false;
}

function findCrossings(
  plain: Buffer,
  { open, needle, index }: { open: Record<Stream, OpenLine>; needle: Needle; index: number },
): { isInside: boolean; continues: Stream[] } {
  const { reach } = needle;
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
