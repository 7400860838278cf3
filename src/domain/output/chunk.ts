/**
 * The inside of a chunk of output: records of both streams in order of arrival.
 *
 *     record = flags (1 byte) · milliseconds since the chunk's start (varint) · length (varint) · bytes
 *
 * Flags: bit 0 stderr, bit 1 protocol line, bit 2 gap. The bytes of a gap are its reason; they belong to no stream and
 * count in no position. Everything else counts: the records of one stream, put together, are exactly what was printed.
 */
import { promisify } from 'node:util';
import { constants, zstdCompressSync, zstdDecompress } from 'node:zlib';
import type { Stream } from '../../contract/stream.ts';

export interface OutputRecord {
  stream: Stream;
  kind: 'text' | 'protocol' | 'gap';
  at: Date;
  bytes: Buffer;
}

const flagStderr = 1;
const flagProtocol = 2;
const flagGap = 4;

/** Below this zstd's own frame eats what it saves. */
const plainBelowBytes = 200;

/**
 * Room for a whole chunk: by default zlib hands out pieces of 16 KiB, and putting eight of them together makes
 * decompressing a third slower.
 */
export const unpacking = { chunkSize: 160 * 1024 };

/**
 * Measured with numbered lines of decimals and hexadecimals: level 3, the default, takes 1.7 times as long, and what it
 * makes is a tenth larger.
 */
const packing = { params: { [constants.ZSTD_c_compressionLevel]: 1 }, chunkSize: 64 * 1024 };

const decompress = promisify(zstdDecompress);

/** What a chunk is stored as. */
export interface PackedChunk {
  codec: 'plain' | 'zstd';
  data: Uint8Array;
  /** Line ends in it. */
  lines: Record<Stream, number>;
}

/**
 * Compresses records at once, on the thread it is called on: a whole chunk takes half a millisecond. Through zlib's own
 * threads the same took four times the processor, since each call made its context and buffers anew on another one.
 */
export function packChunk(plain: Buffer): PackedChunk {
  const lines = { stdout: 0, stderr: 0 };
  walkRecords(plain, ({ stream, kind, start, end }) => {
    if (kind !== 'gap') lines[stream] += countLineEnds(plain.subarray(start, end));
  });
  if (plain.length < plainBelowBytes) return { codec: 'plain', data: Buffer.from(plain), lines };
  const data = zstdCompressSync(plain, { ...packing, pledgedSrcSize: plain.length });
  return { codec: 'zstd', data, lines };
}

/** @throws Error when the data are damaged */
export async function decodeChunk(chunk: {
  codec: 'plain' | 'zstd';
  data: Uint8Array;
  startedAt: Date;
}): Promise<OutputRecord[]> {
  const plain = chunk.codec === 'zstd' ? await decompress(chunk.data, unpacking) : Buffer.from(chunk.data);
  const records: OutputRecord[] = [];
  walkRecords(plain, (record) => {
    records.push({
      stream: record.stream,
      kind: record.kind,
      at: new Date(chunk.startedAt.getTime() + record.elapsedMs),
      bytes: plain.subarray(record.start, record.end),
    });
  });
  return records;
}

/** Where a record lies in a chunk that was decompressed. */
export interface RecordPlace extends Pick<OutputRecord, 'stream' | 'kind'> {
  elapsedMs: number;
  start: number;
  end: number;
}

/** @throws Error when the data are damaged */
export function walkRecords(plain: Buffer, visit: (record: RecordPlace) => void): void {
  for (let at = 0; at < plain.length;) {
    const flags = plain[at] ?? 0;
    const elapsed = readVarint(plain, at + 1);
    const length = readVarint(plain, elapsed.next);
    const end = length.next + length.value;
    if (end > plain.length) throw new Error('a record of this output chunk reaches beyond its end');
    visit({
      stream: flags & flagStderr ? 'stderr' : 'stdout',
      kind: flags & flagGap ? 'gap' : flags & flagProtocol ? 'protocol' : 'text',
      elapsedMs: elapsed.value,
      start: length.next,
      end,
    });
    at = end;
  }
}

function countLineEnds(bytes: Buffer): number {
  let count = 0;
  for (let at = bytes.indexOf(10); at >= 0; at = bytes.indexOf(10, at + 1)) count += 1;
  return count;
}

/** Room that the header of a record takes at most. */
export const headerBytes = 16;

/** Puts a record into a chunk. @returns the position behind it */
export function writeRecord(target: Buffer, position: number, record: OutputRecord, startedAt: Date): number {
  target[position] =
    (record.stream === 'stderr' ? flagStderr : 0) |
    (record.kind === 'protocol' ? flagProtocol : 0) |
    (record.kind === 'gap' ? flagGap : 0);
  let at = writeVarint(target, position + 1, Math.max(0, record.at.getTime() - startedAt.getTime()));
  at = writeVarint(target, at, record.bytes.length);
  target.set(record.bytes, at);
  return at + record.bytes.length;
}

function writeVarint(target: Buffer, position: number, value: number): number {
  let at = position;
  let rest = value;
  while (rest >= 0x80) {
    target[at++] = (rest % 0x80) | 0x80;
    rest = Math.floor(rest / 0x80);
  }
  target[at] = rest;
  return at + 1;
}

function readVarint(source: Buffer, from: number): { value: number; next: number } {
  let value = 0;
  let factor = 1;
  for (let at = from; at < source.length; at += 1) {
    const byte = source[at] ?? 0;
    value += (byte & 0x7f) * factor;
    if (byte < 0x80) return { value, next: at + 1 };
    factor *= 0x80;
  }
  throw new Error('a number of this output chunk reaches beyond its end');
}
