import { zstdDecompressSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { ChunkPacker } from './chunk-packer.ts';
import { packChunk, writeRecord } from './chunk.ts';

const roomBytes = 256 * 1024;
const at = new Date('2026-11-22T10:00:00Z');

function fill(room: Buffer, text: string): number {
  return writeRecord(room, 0, { stream: 'stdout', kind: 'text', at, bytes: Buffer.from(text) }, at);
}

function linesOf(number: number): string {
  return `chunk ${number} says this\n`.repeat(5000);
}

test('a chunk is the same whether it was packed here or in the thread, its lines counted', async () => {
  const packer = new ChunkPacker({ roomBytes });
  for (const count of [1, 10, 1000, 6000]) {
    const room = packer.room(20 * count);
    const length = fill(room, `a line of text\n`.repeat(count));
    const here = packChunk(Buffer.from(room.subarray(0, length)));
    const packed = await packer.pack(room, length);
    expect({ ...packed, data: Buffer.from(packed.data) }).toEqual({ ...here, data: Buffer.from(here.data) });
    expect(packed.lines).toEqual({ stdout: count, stderr: 0 });
  }
});

test('rooms are used again only when what was in them is packed', async () => {
  const packer = new ChunkPacker({ roomBytes });
  const wave = async (first: number): Promise<void> => {
    const packing = Array.from({ length: 40 }, (_, index) => {
      const room = packer.room(roomBytes);
      return packer.pack(room, fill(room, linesOf(first + index)));
    });
    for (const [index, { data }] of (await Promise.all(packing)).entries())
      expect(zstdDecompressSync(data).toString()).toContain(linesOf(first + index));
  };
  await Promise.all([wave(0), wave(100), wave(200)]);
  await wave(300);
});

test('what a thread had when it died is packed all the same, and another thread goes on', async () => {
  const dying = `import { parentPort } from 'node:worker_threads';
    parentPort.on('message', () => { throw new Error('out of luck'); });`;
  const packer = new ChunkPacker({ roomBytes, thread: new URL(`data:text/javascript,${dying}`) });
  for (let life = 0; life < 3; life += 1) {
    const packing = Array.from({ length: 5 }, (_, index) => {
      const room = packer.room(roomBytes);
      return packer.pack(room, fill(room, linesOf(index)));
    });
    for (const [index, { data, lines }] of (await Promise.all(packing)).entries()) {
      expect(zstdDecompressSync(data).toString()).toContain(linesOf(index));
      expect(lines.stdout).toBe(5000);
    }
  }
});
