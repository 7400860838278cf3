import fc from 'fast-check';
import { expect, test } from 'vitest';
import { streams, type Stream } from '../../contract/stream.ts';
import { decodeChunk } from './chunk.ts';
import type { OutputChunk, StreamPositions } from './ports.ts';
import { OutputWriter } from './writer.ts';

const at = new Date('2026-11-22T10:00:00Z');
const options = { jobId: 1, number: 1, claimedAt: at, onProtocol: () => {} };

/** What a store keeps: by number, the last one written. */
type Stored = Map<number, OutputChunk>;

async function store(writer: OutputWriter, stored: Stored, all = false): Promise<StreamPositions> {
  const { chunks, mark } = await writer.take({ all });
  for (const chunk of chunks) stored.set(chunk.number, chunk);
  writer.settle(mark);
  return mark.upTo;
}

/** The bytes of a stream, where each chunk says that they are. */
async function bytesOf(stored: Stored, stream: Stream): Promise<Buffer> {
  const parts: Buffer[] = [];
  let end = { byte: 0, line: 0 };
  for (const [, chunk] of [...stored].toSorted(([a], [b]) => a - b)) {
    const span = chunk[stream];
    expect({ byte: span.byte, line: span.line }).toEqual(end);
    end = { byte: span.byte + span.bytes, line: span.line + span.lines };
    for (const record of await decodeChunk(chunk))
      if (record.stream === stream && record.kind !== 'gap') parts.push(record.bytes);
  }
  const bytes = Buffer.concat(parts);
  expect(bytes.length).toBe(end.byte);
  return bytes;
}

const piece = fc.record({
  stream: fc.constantFrom('stdout' as const, 'stderr' as const),
  bytes: fc.oneof(
    fc.stringMatching(/^[a-z\n]{0,60}$/).map((text) => Buffer.from(text)),
    fc.integer({ min: 60_000, max: 300_000 }).map((length) => Buffer.alloc(length, 'x')),
    fc.integer({ min: 1, max: 40_000 }).map((count) => Buffer.from('line of text\n'.repeat(count))),
  ),
  isStored: fc.boolean(),
});

test('what was once told to be stored stays stored, whatever comes next and whenever it is written', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(piece, { maxLength: 10 }), async (pieces) => {
      const writer = new OutputWriter(options);
      const stored: Stored = new Map();
      const printed: Record<Stream, Buffer[]> = { stdout: [], stderr: [] };
      const check = async (upTo: StreamPositions): Promise<void> => {
        for (const stream of streams) {
          const wanted = Buffer.concat(printed[stream]).subarray(0, upTo[stream]);
          expect((await bytesOf(stored, stream)).subarray(0, upTo[stream]).equals(wanted)).toBe(true);
        }
      };
      let upTo: StreamPositions = { stdout: 0, stderr: 0 };
      for (const { stream, bytes, isStored } of pieces) {
        writer.append(stream, bytes, at);
        printed[stream].push(bytes);
        if (!isStored) continue;
        const now = await store(writer, stored);
        for (const each of streams) expect(now[each]).toBeGreaterThanOrEqual(upTo[each]);
        upTo = now;
        await check(upTo);
      }
      await check(await store(writer, stored, true));
      expect(writer.isStored).toBe(true);
    }),
    { numRuns: 25 },
  );
});

test('a tail is not stored while full chunks wait, and is when they are', async () => {
  const writer = new OutputWriter(options);
  const stored: Stored = new Map();
  writer.append('stdout', Buffer.from('line of text\n'.repeat(30_000)), at);
  const upTo = await store(writer, stored);
  expect([stored.size, writer.isStored, [...stored.values()].every(({ isFull }) => isFull)]).toEqual([
    2,
    false,
    true,
  ]);
  expect(upTo.stdout).toBeLessThan(390_000);
  expect(await store(writer, stored)).toEqual({ stdout: 390_000, stderr: 0 });
  expect([stored.size, writer.isStored, stored.get(2)?.isFull]).toEqual([3, true, false]);
});

test('the bytes may be overwritten once they were handed in', async () => {
  const writer = new OutputWriter(options);
  const stored: Stored = new Map();
  const shared = Buffer.alloc(100_000);
  const sizes = [100_000, 100_000, 30_000, 10_000, 100_000, 30_000];
  const printed = ['a', 'b', 'c', 'd', 'e', 'f'].map((letter, index) => letter.repeat(sizes[index] ?? 0));
  for (const text of printed) {
    shared.write(text);
    writer.append('stdout', shared.subarray(0, text.length), at);
  }
  shared.fill('!');
  await store(writer, stored, true);
  expect((await bytesOf(stored, 'stdout')).toString() === printed.join('')).toBe(true);
});

test('chunks of a line without an end are full as well', async () => {
  const writer = new OutputWriter(options);
  const stored: Stored = new Map();
  for (let frame = 0; frame < 20; frame += 1) writer.append('stdout', Buffer.alloc(128 * 1024, 'x'), at);
  await store(writer, stored, true);
  expect(stored.size).toBe(21);
  expect((await bytesOf(stored, 'stdout')).length).toBe(20 * 128 * 1024);
});
