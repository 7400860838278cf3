import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type KeptFrame, OutputStore, ProgramOutput } from './output-store.ts';
import type { Stream } from './protocol.ts';
import { SpillFile } from './spill-file.ts';

let folder: string;
let spill: SpillFile;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'output-test-'));
  spill = new SpillFile(join(folder, 'spill'));
});

afterEach(() => {
  spill.close();
  rmSync(folder, { recursive: true });
});

function createOutput(
  memoryBytes: number,
  spillBytes: number,
): { store: OutputStore; output: ProgramOutput } {
  const store = new OutputStore(spill, { memoryBytes, spillBytes });
  return { store, output: new ProgramOutput(store) };
}

function takeAll(output: ProgramOutput): [Stream, number, string][] {
  const taken: [Stream, number, string][] = [];
  for (let frame = output.takeUnsent(); frame; frame = output.takeUnsent())
    taken.push([frame.stream, frame.offset, frame.bytes.toString()]);
  return taken;
}

test('frames come in order of arrival over both streams, small ones of one moment joined', () => {
  const { output } = createOutput(1000, 1000);
  output.append('stdout', Buffer.from('a'), 0);
  output.append('stdout', Buffer.from('b'), 1);
  output.append('stderr', Buffer.from('E'), 1);
  output.append('stdout', Buffer.from('c'), 1);
  output.append('stdout', Buffer.from('d'), 100);
  expect(takeAll(output)).toEqual([
    ['stdout', 0, 'ab'],
    ['stderr', 0, 'E'],
    ['stdout', 2, 'c'],
    ['stdout', 3, 'd'],
  ]);
});

test('what was sent does not grow, and is sent again from any byte not committed', () => {
  const { output } = createOutput(1000, 1000);
  output.append('stdout', Buffer.from('hello'), 0);
  takeAll(output);
  output.append('stdout', Buffer.from('world'), 0);
  expect(takeAll(output)).toEqual([['stdout', 5, 'world']]);
  output.committed({ stdout: 7, stderr: 0 });
  output.rewind({ stdout: 3, stderr: 0 });
  expect(takeAll(output)).toEqual([['stdout', 5, 'world']]);
  output.rewind({ stdout: 7, stderr: 0 });
  expect(takeAll(output)).toEqual([['stdout', 7, 'rld']]);
});

test('memory, then the file, then stop; commits make room and empty the file', () => {
  const { store, output } = createOutput(10, 20);
  expect(output.append('stdout', Buffer.alloc(10, 'a'), 0)).toBe(true);
  expect(output.append('stdout', Buffer.alloc(15, 'b'), 10)).toBe(true);
  expect(output.append('stdout', Buffer.alloc(5, 'c'), 20)).toBe(false);
  expect([store.memoryBytes, store.spilledBytes]).toEqual([10, 20]);
  expect(output.append('stdout', Buffer.alloc(3, 'd'), 30)).toBe(false);
  let woken = 0;
  store.whenRoom(() => (woken += 1));
  expect(
    takeAll(output)
      .map(([, , text]) => text)
      .join(''),
  ).toBe(`${'a'.repeat(10)}${'b'.repeat(15)}cccccddd`);
  expect(woken).toBe(0);
  output.committed({ stdout: 33, stderr: 0 });
  expect(woken).toBe(1);
  expect([store.memoryBytes, store.spilledBytes]).toEqual([0, 0]);
});

test.each(['memory', 'the file'])(
  'a frame in %s stays as it is until it is written, committed or not',
  (where) => {
    const { output } = createOutput(where === 'memory' ? 1_000_000 : 0, 1_000_000);
    const take = (letter: string): KeptFrame => {
      output.append('stdout', Buffer.alloc(100_000, letter), 0);
      const frame = output.takeUnsent();
      if (!frame) throw new Error('nothing to send');
      return frame;
    };
    const hanging = take('a');
    output.committed(output.ends);
    const next = take('b');
    output.committed(output.ends);
    expect(hanging.bytes.equals(Buffer.alloc(100_000, 'a'))).toBe(true);
    next.onWritten();
    hanging.onWritten();
    const written = take('c');
    written.onWritten();
    output.committed(output.ends);
    // What was written and committed serves for the next.
    expect(take('d').bytes.buffer).toBe(written.bytes.buffer);
  },
);
