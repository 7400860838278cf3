import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, writeSync } from 'node:fs';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { pollUntil } from '../../test/support/poll.ts';
import { FdPipe } from './fd-pipe.ts';
import { type Libc, loadLibc } from './libc.ts';

const F_SETPIPE_SZ = 1031;
const F_GETPIPE_SZ = 1032;
const usualBytes = 65_536;
const largeBytes = 1_048_576;

let real: Libc | null = null;
const open: { pipe: FdPipe; child?: ChildProcess }[] = [];

beforeAll(async () => {
  real = await loadLibc();
});

afterEach(() => {
  for (const { pipe, child } of open.splice(0)) {
    pipe.close();
    child?.kill('SIGKILL');
  }
});

class Reading {
  readonly parts: Buffer[] = [];
  hasEnded = false;
  readCalls = 0;
  readonly pipe: FdPipe;
  readonly writeEnd: number;
  readonly #libc: Libc;
  readonly #readEnd: number;

  constructor({ isRefused = false, onBytes = (_pipe: FdPipe) => {} } = {}) {
    if (!real) throw new Error('no libc');
    this.#libc = real;
    const ends = new Int32Array(2);
    real.pipe2(ends, 0x80000);
    const { 0: readEnd = -1, 1: writeEnd = -1 } = ends;
    this.#readEnd = readEnd;
    this.writeEnd = writeEnd;
    const { fcntl, read } = real;
    const libc: Libc = {
      ...real,
      fcntl: (fd, command, argument) =>
        isRefused && command === F_SETPIPE_SZ ? -1 : fcntl(fd, command, argument),
      read: (fd, bytes, length) => {
        this.readCalls += 1;
        return read(fd, bytes, length);
      },
    };
    this.pipe = new FdPipe(libc, readEnd);
    open.push({ pipe: this.pipe });
    this.pipe.read({
      onBytes: (bytes) => {
        this.parts.push(Buffer.from(bytes));
        onBytes(this.pipe);
      },
      onEnd: () => (this.hasEnded = true),
    });
    this.pipe.watch();
  }

  get bytes(): Buffer {
    return Buffer.concat(this.parts);
  }

  get size(): number {
    return this.#libc.fcntl(this.#readEnd, F_GETPIPE_SZ, 0);
  }

  /** Ends with its program. */
  run(...words: [string, ...string[]]): void {
    const [program, ...args] = words;
    const child = spawn(program, args, { stdio: ['ignore', this.writeEnd, 'ignore'] });
    open.push({ pipe: this.pipe, child });
    closeSync(this.writeEnd);
  }
}

describe.skipIf(process.platform !== 'linux')('a pipe', () => {
  const numbers = Buffer.from(Array.from({ length: 700_000 }, (_, index) => `${index + 1}\n`).join(''));

  test('of a program that prints much becomes larger and is read whole, in few pieces', async () => {
    let size = 0;
    const reading: Reading = new Reading({ onBytes: () => (size = Math.max(size, reading.size)) });
    reading.run('seq', '700000');
    await pollUntil(() => reading.hasEnded, Boolean);
    expect(reading.bytes.equals(numbers)).toBe(true);
    expect(size).toBe(largeBytes);
    // seq writes 4 KiB at once: eagerly most of them would come one by one.
    expect(reading.parts.length).toBeLessThan(numbers.length / 4096 / 4);
  });

  test('that the system does not enlarge is read whole by the event loop', async () => {
    const reading = new Reading({ isRefused: true });
    reading.run('seq', '700000');
    await pollUntil(() => reading.hasEnded, Boolean);
    expect(reading.bytes.equals(numbers)).toBe(true);
    expect(reading.readCalls).toBe(0);
  });

  test('of lines stays as it is, and a line is there at once, after much as well', async () => {
    const reading = new Reading();
    writeSync(reading.writeEnd, 'first\n');
    await pollUntil(
      () => reading.bytes.toString(),
      (text) => text === 'first\n',
    );
    expect([reading.size, reading.readCalls]).toEqual([usualBytes, 0]);
    writeSync(reading.writeEnd, Buffer.alloc(50_000, 'x'));
    await pollUntil(
      () => reading.bytes.length,
      (length) => length === 50_006,
    );
    expect(reading.size).toBe(largeBytes);
    const arrives = async (line: string): Promise<void> => {
      const before = reading.bytes.length;
      writeSync(reading.writeEnd, line);
      await pollUntil(
        () => reading.bytes.toString('utf8', before),
        (text) => text === line,
      );
    };
    await arrives('and then\n');
    // The event loop reads again.
    await pollUntil(
      async () => {
        const before = reading.readCalls;
        await arrives('last\n');
        return reading.readCalls - before;
      },
      (calls) => calls === 0,
    );
    closeSync(reading.writeEnd);
    await pollUntil(() => reading.hasEnded, Boolean);
  });

  test('gives what was printed before a line on the other one before that line', async () => {
    const order: string[] = [];
    const errors: Reading = new Reading({ onBytes: () => order.push('error') });
    const reading: Reading = new Reading({
      onBytes: () => {
        order.push('text');
        if (order.length > 1) return;
        writeSync(reading.writeEnd, Buffer.alloc(20_000, 'y'));
        writeSync(errors.writeEnd, 'why\n');
      },
    });
    reading.pipe.besides(errors.pipe);
    errors.pipe.besides(reading.pipe);
    writeSync(reading.writeEnd, Buffer.alloc(20_000, 'x'));
    await pollUntil(
      () => order.at(-1),
      (last) => last === 'error',
    );
    expect([order, reading.bytes.length, errors.bytes.toString()]).toEqual([
      ['text', 'text', 'error'],
      40_000,
      'why\n',
    ]);
    for (const { writeEnd } of [reading, errors]) closeSync(writeEnd);
  });

  test('that is paused at any moment gives nothing until it goes on, and then everything', async () => {
    let isPaused = false;
    let wasBroken = false;
    const reading = new Reading({
      onBytes: (pipe) => {
        wasBroken ||= isPaused;
        if (reading.parts.length % 3 !== 0) return;
        isPaused = true;
        pipe.pause();
        setTimeout(() => {
          isPaused = false;
          pipe.resume();
        }, reading.parts.length % 4);
      },
    });
    reading.run('seq', '700000');
    await pollUntil(() => reading.hasEnded, Boolean);
    expect(reading.bytes.equals(numbers)).toBe(true);
    expect(wasBroken).toBe(false);
  });

  test('beyond so many large ones stays as it is', async () => {
    const readings = Array.from({ length: 40 }, () => new Reading());
    for (const { writeEnd } of readings) writeSync(writeEnd, Buffer.alloc(50_000, 'x'));
    await pollUntil(() => readings.every(({ bytes }) => bytes.length === 50_000), Boolean);
    const large = readings.filter(({ size }) => size === largeBytes);
    expect([large.length, readings.length - large.length]).toEqual([32, 8]);
    for (const { pipe, writeEnd } of readings) {
      pipe.close();
      closeSync(writeEnd);
    }
    const next = new Reading();
    writeSync(next.writeEnd, Buffer.alloc(50_000, 'x'));
    await pollUntil(
      () => next.bytes.length,
      (length) => length === 50_000,
    );
    expect(next.size).toBe(largeBytes);
    closeSync(next.writeEnd);
  });
});
