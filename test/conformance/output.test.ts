import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createOutputReader } from '../../src/domain/output/reader.ts';
import { createOutputRecorder } from '../../src/domain/output/recorder.ts';
import type { OutputOptions, OutputReader, OutputSink, OutputStore } from '../../src/domain/output/ports.ts';
import { silentLogger } from '../../src/lib/logger.ts';
import { createOutputStore } from '../../src/adapters/store/output-store.ts';
import type { TestDatabase } from '../support/database.ts';
import { describeOnDatabases } from '../support/describe-on-databases.ts';
import { streams, type Stream } from '../../src/contract/stream.ts';

describeOnDatabases('output', (create) => {
  let database: TestDatabase;
  let store: OutputStore;
  let reader: OutputReader;
  let nextJob = 1;

  beforeAll(async () => {
    database = await create();
    store = createOutputStore(database.db);
    await store.preparePartitions(2);
    reader = createOutputReader(store);
  });

  afterAll(() => database?.drop());

  const at = new Date('2026-11-22T10:00:00Z');

  function newOptions(change: Partial<OutputOptions> = {}): OutputOptions {
    nextJob += 1;
    return { jobId: nextJob, number: 1, claimedAt: at, onProtocol: () => {}, onStored: () => {}, ...change };
  }

  async function record(options: OutputOptions, write: (sink: OutputSink) => void): Promise<void> {
    const recorder = createOutputRecorder(store, silentLogger);
    const sink = recorder.open(options);
    write(sink);
    expect(await sink.close()).toBe(true);
    await recorder.stop();
  }

  async function download(options: OutputOptions, stream: Stream): Promise<Buffer> {
    const parts: Buffer[] = [];
    for await (const bytes of reader.bytes(options, stream)) parts.push(bytes);
    return Buffer.concat(parts);
  }

  const piece = fc.record({
    stream: fc.constantFrom('stdout' as const, 'stderr' as const),
    bytes: fc.oneof(
      fc.uint8Array({ maxLength: 40 }),
      fc.stringMatching(/^[a-z\n]{0,60}$/).map((text) => Buffer.from(text)),
      fc.integer({ min: 60_000, max: 200_000 }).map((length) => Buffer.alloc(length, 'x')),
      fc.integer({ min: 1, max: 30_000 }).map((count) => Buffer.from('line of text\n'.repeat(count))),
    ),
    endsLife: fc.boolean(),
  });

  it('comes back byte for byte, whatever the pieces, flushes and lives of the worker were', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { maxLength: 12 }), async (pieces) => {
        const options = newOptions();
        const printed = { stdout: [] as Uint8Array[], stderr: [] as Uint8Array[] };
        let recorder = createOutputRecorder(store, silentLogger);
        let sink = recorder.open(options);
        for (const { stream, bytes, endsLife } of pieces) {
          printed[stream].push(bytes);
          sink.append(stream, Buffer.from(bytes), at);
          if (!endsLife) continue;
          await recorder.stop();
          recorder = createOutputRecorder(store, silentLogger);
          sink = await recorder.reopen(options);
        }
        await sink.close();
        await recorder.stop();
        for (const stream of streams) {
          const expected = Buffer.concat(printed[stream]);
          const stored = await download(options, stream);
          expect(stored.equals(expected), `${stream}: ${stored.length} of ${expected.length} bytes`).toBe(
            true,
          );
        }
      }),
      { numRuns: 40 },
    );
  });

  it('finds every line under its number, however lines lie over chunks and pieces', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { maxLength: 8 }), fc.nat(2_000), async (pieces, wanted) => {
        const options = newOptions();
        await record(options, (sink) => {
          for (const { stream, bytes } of pieces) sink.append(stream, Buffer.from(bytes), at);
        });
        const text = (await download(options, 'stdout')).toString();
        const lines = text.split('\n');
        if (lines.at(-1) === '') lines.pop();
        const from = lines.length === 0 ? 0 : wanted % lines.length;
        const page = await reader.streamLines(options, { stream: 'stdout', from, limit: 5 });
        expect(page.lines.map((line) => line.text)).toEqual(lines.slice(from, from + 5));
        expect(page.lines.map((line) => line.line)).toEqual(
          lines.slice(from, from + 5).map((_, index) => from + index),
        );
      }),
      { numRuns: 40 },
    );
  });

  it('pages through both streams in order of arrival, each line once', async () => {
    const options = newOptions();
    await record(options, (sink) => {
      for (let index = 0; index < 5_000; index += 1) {
        sink.append(index % 3 === 0 ? 'stderr' : 'stdout', Buffer.from(`${index} ${'.'.repeat(80)}\n`), at);
      }
    });
    const seen: number[] = [];
    for (let from: string | null | undefined; from !== null;) {
      const page = await reader.mergedLines(options, { from: from ?? null, limit: 700 });
      seen.push(...page.lines.map((line) => Number(line.text.split(' ')[0])));
      from = page.next;
    }
    expect(seen).toEqual(Array.from({ length: 5_000 }, (_, index) => index));
    const tail = await reader.tail(options, 3, 'stderr');
    expect(tail.lines.map((line) => Number(line.text.split(' ')[0]))).toEqual([4_992, 4_995, 4_998]);
  });

  it('shows a line before its end has come, and then whole', async () => {
    const recorder = createOutputRecorder(store, silentLogger);
    const options = newOptions();
    const stored = Promise.withResolvers<void>();
    const sink = recorder.open({ ...options, onStored: () => stored.resolve() });
    sink.append('stdout', Buffer.from('first\nProceed? '), at);
    await stored.promise;
    const before = await reader.streamLines(options, { stream: 'stdout', from: 0, limit: 10 });
    expect(before.lines.map(({ text, isPartial }) => [text, isPartial])).toEqual([
      ['first', false],
      ['Proceed? ', true],
    ]);
    sink.append('stdout', Buffer.from('yes\n'), at);
    await sink.close();
    const after = await reader.streamLines(options, { stream: 'stdout', from: 1, limit: 10 });
    expect(after.lines).toMatchObject([{ text: 'Proceed? yes', line: 1, isPartial: false }]);
    await recorder.stop();
  });

  it('follows from a position without missing or repeating a byte', async () => {
    const options = newOptions();
    const recorder = createOutputRecorder(store, silentLogger);
    const sink = recorder.open(options);
    const position = { stdout: 0, stderr: 0, chunk: 0, gaps: 0 };
    const followed = { stdout: '', stderr: '' };
    const follow = async (): Promise<void> => {
      for await (const piece of reader.pieces(options, position)) {
        followed[piece.stream] += piece.bytes.toString();
        position[piece.stream] = piece.byte + piece.bytes.length;
        position.chunk = piece.chunk;
        position.gaps = piece.gaps;
      }
    };
    for (let index = 0; index < 40; index += 1) {
      sink.append('stdout', Buffer.from(`${'o'.repeat(index * 997)}${index % 2 === 0 ? '\n' : ''}`), at);
      sink.append('stderr', Buffer.from(`e${index}\n`), at);
      if (index % 7 === 0) await follow();
    }
    await sink.close();
    await follow();
    expect(followed.stdout).toBe((await download(options, 'stdout')).toString());
    expect(followed.stderr).toBe((await download(options, 'stderr')).toString());
    await recorder.stop();
  });

  it('tells a follower of each gap once', async () => {
    const options = newOptions();
    await record(options, (sink) => {
      sink.append('stdout', Buffer.from('one\n'), at);
      sink.gap('first', at);
      sink.gap('second', at);
    });
    const position = { stdout: 0, stderr: 0, chunk: 0, gaps: 0 };
    const seen: string[] = [];
    for (let look = 0; look < 3; look += 1) {
      for await (const piece of reader.pieces(options, position)) {
        seen.push(piece.bytes.toString());
        position.gaps = piece.gaps;
        if (piece.kind !== 'gap') position[piece.stream] = piece.byte + piece.bytes.length;
      }
    }
    expect(seen).toEqual(['one\n', 'first', 'second']);
  });

  it('shows a gap as a gap, in no stream and no number', async () => {
    const options = newOptions();
    await record(options, (sink) => {
      sink.append('stdout', Buffer.from('one\nhalf'), at);
      sink.gap('the launcher was ended', at);
      sink.append('stdout', Buffer.from(' more\n'), at);
    });
    const merged = await reader.mergedLines(options, { from: null, limit: 10 });
    expect(merged.lines.map(({ kind, text, line }) => [kind, text, line])).toEqual([
      ['text', 'one', 0],
      ['gap', 'the launcher was ended', null],
      ['text', 'half more', 1],
    ]);
    expect((await download(options, 'stdout')).toString()).toContain(
      'output is missing here: the launcher was ended',
    );
  });

  it('pages through one stream with gaps in it, each line and each gap once', async () => {
    const options = newOptions();
    await record(options, (sink) => {
      for (let index = 0; index < 10; index += 1) {
        sink.append('stdout', Buffer.from(`${index}\n`), at);
        if (index === 4) sink.gap('gap', at);
      }
    });
    const seen: string[] = [];
    for (let from: string | null = '0'; from !== null;) {
      const page = await reader.streamLines(options, { stream: 'stdout', from: Number(from), limit: 3 });
      seen.push(...page.lines.map((line) => line.text));
      from = page.next;
    }
    expect(seen).toEqual(['0', '1', '2', '3', '4', 'gap', '5', '6', '7', '8', '9']);
  });

  it('hands protocol lines on and flags them, though they stay in bytes and numbers', async () => {
    const members: unknown[] = [];
    const options = newOptions({ onProtocol: (member) => members.push(member) });
    const printed =
      'a\n{"daybook":{"progress":0.5}}\nb {"daybook":1}\n{"daybook": broken\n{"other":"daybook"}\n  {"x":1,"daybook":{"result":{}}}\nc';
    await record(options, (sink) => {
      // In two pieces, the cut inside a protocol line.
      sink.append('stdout', Buffer.from(printed.slice(0, 9)), at);
      sink.append('stdout', Buffer.from(printed.slice(9)), at);
    });
    expect(members).toEqual([{ progress: 0.5 }, { result: {} }]);
    const page = await reader.streamLines(options, { stream: 'stdout', from: 0, limit: 10 });
    expect(page.lines.map(({ kind }) => kind)).toEqual([
      'text',
      'protocol',
      'text',
      'text',
      'text',
      'protocol',
      'text',
    ]);
    expect((await download(options, 'stdout')).toString()).toBe(printed);
  });

  it('of several recorders goes to the store at once without mixing', async () => {
    const printed = [...Array(12).keys()].map((number) => `attempt ${number}\n`.repeat(20_000));
    for (let round = 0; round < 2; round += 1) {
      const attempts = printed.map((text) => ({ text, options: newOptions() }));
      const write = ({ text, options }: (typeof attempts)[number]): Promise<void> =>
        record(options, (sink) => sink.append('stdout', Buffer.from(text), at));
      await Promise.all(attempts.map(write));
      for (const { text, options } of attempts)
        expect((await download(options, 'stdout')).equals(Buffer.from(text))).toBe(true);
    }
  });

  it('is written once the store is back, and tells only then that it is stored', async () => {
    let isAway = true;
    const confirmed: number[] = [];
    const flaky: OutputStore = {
      ...store,
      write: (chunks) => (isAway ? Promise.reject(new Error('away')) : store.write(chunks)),
    };
    const recorder = createOutputRecorder(flaky, {
      ...silentLogger,
      warn: () => {
        isAway = false;
      },
    });
    const options = newOptions({ onStored: (upTo) => confirmed.push(upTo.stdout) });
    const sink = recorder.open(options);
    sink.append('stdout', Buffer.from('kept\n'), at);
    expect(confirmed).toEqual([]);
    expect(await sink.close()).toBe(true);
    expect(confirmed).toEqual([5]);
    expect((await download(options, 'stdout')).toString()).toBe('kept\n');
    await recorder.stop();
  });
});
