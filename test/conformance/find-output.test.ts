import { setTimeout } from 'node:timers/promises';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createFindThreads } from '../../src/app/find-threads.ts';
import { createOutputFinder } from '../../src/domain/output/find/finder.ts';
import { createOutputReader } from '../../src/domain/output/reader.ts';
import { createOutputRecorder } from '../../src/domain/output/recorder.ts';
import type {
  AttemptRef,
  FindOptions,
  FoundLines,
  OutputFinder,
  OutputSink,
} from '../../src/domain/output/ports.ts';
import { silentLogger } from '../../src/lib/logger.ts';
import { createOutputStore } from '../../src/adapters/store/output-store.ts';
import type { TestDatabase } from '../support/database.ts';
import { describeOnDatabases } from '../support/describe-on-databases.ts';
import { streams } from '../../src/contract/stream.ts';

describeOnDatabases('finding text in output', (create) => {
  let database: TestDatabase;
  let finder: OutputFinder;
  let nextJob = 1;
  const at = new Date('2026-11-22T10:00:00Z');

  beforeAll(async () => {
    database = await create();
    const store = createOutputStore(database.db);
    await store.preparePartitions(2);
    finder = createOutputFinder(store, createFindThreads(database.db.connection));
  });

  afterAll(() => database?.drop());

  function open(): { attempt: AttemptRef; sink: OutputSink; stop(): Promise<void> } {
    nextJob += 1;
    const attempt = { jobId: nextJob, number: 1, claimedAt: at };
    const recorder = createOutputRecorder(createOutputStore(database.db), silentLogger);
    const sink = recorder.open({ ...attempt, onProtocol: () => {}, onStored: () => {} });
    return { attempt, sink, stop: () => recorder.stop() };
  }

  async function record(write: (sink: OutputSink) => void): Promise<AttemptRef> {
    const { attempt, sink, stop } = open();
    write(sink);
    expect(await sink.close()).toBe(true);
    await stop();
    return attempt;
  }

  const find = (attempt: AttemptRef, text: string, change: Partial<FindOptions> = {}): Promise<FoundLines> =>
    finder.find(attempt, {
      text,
      ignoresCase: false,
      stream: null,
      from: null,
      direction: 'forward',
      limit: 1_000_000,
      budgetMs: 60_000,
      ...change,
    });

  /** All pages of a search, each going on where the one before stopped. */
  async function findAll(
    attempt: AttemptRef,
    text: string,
    change: Partial<FindOptions>,
  ): Promise<FoundLines['lines']> {
    const lines: FoundLines['lines'] = [];
    for (let from: FindOptions['from'] = null; ;) {
      const page = await find(attempt, text, { ...change, from });
      lines.push(...page.lines);
      if (page.isComplete) return lines;
      from = page.searchedTo;
    }
  }

  const namesOf = (lines: FoundLines['lines']): string[] => [
    ...new Set(lines.map(({ stream, line }) => `${stream}:${line}`)),
  ];

  const piece = fc.record({
    stream: fc.constantFrom(...streams),
    bytes: fc.oneof(
      fc.stringMatching(/^[abAB\n]{0,40}$/).map((text) => Buffer.from(text)),
      // Without what a terminal acts on: what is seen then is not what was printed.
      fc
        .uint8Array({ maxLength: 40 })
        .map((bytes) => Buffer.from(bytes.map((byte) => ([8, 13, 27].includes(byte) ? 46 : byte)))),
      fc.integer({ min: 1, max: 20_000 }).map((count) => Buffer.from('one row of words\n'.repeat(count))),
      // Too long for one record, and for one chunk: the text may lie across two pieces.
      fc
        .integer({ min: 65_530, max: 200_000 })
        .map((length) => Buffer.concat([Buffer.alloc(length, '.'), Buffer.from('ab')])),
    ),
  });

  it('finds exactly the lines that hold it, in pages of any size, in either direction', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(piece, { maxLength: 12 }),
        fc.stringMatching(/^[abAB.]{1,4}$/),
        fc.record({
          ignoresCase: fc.boolean(),
          stream: fc.constantFrom(null, ...streams),
          direction: fc.constantFrom('forward' as const, 'backward' as const),
          limit: fc.integer({ min: 1, max: 50 }),
        }),
        async (pieces, text, options) => {
          const printed = { stdout: [] as Buffer[], stderr: [] as Buffer[] };
          const attempt = await record((sink) => {
            for (const { stream, bytes } of pieces) {
              printed[stream].push(bytes);
              sink.append(stream, Buffer.from(bytes), at);
            }
          });
          const fold = (value: string): string => (options.ignoresCase ? value.toLowerCase() : value);
          const expected = streams.flatMap((stream) =>
            options.stream === null || options.stream === stream
              ? Buffer.concat(printed[stream])
                  .toString('latin1')
                  .split('\n')
                  .flatMap((line, index) => (fold(line).includes(fold(text)) ? `${stream}:${index}` : []))
              : [],
          );
          const found = namesOf(await findAll(attempt, text, options));
          expect(found.toSorted()).toEqual(expected.toSorted());
        },
      ),
      { numRuns: 60, endOnFailure: true },
    );
  });

  it('finds what lies across the end of a page, in either direction', async () => {
    const store = createOutputStore(database.db);
    const length = 21_000_000;
    const print = (places: readonly number[]): Promise<AttemptRef> =>
      record((sink) => {
        const line = Buffer.alloc(length, '.');
        for (const place of places) line.write('needle', place);
        sink.append('stdout', line, at);
      });
    const startsOf = async (attempt: AttemptRef): Promise<number[]> =>
      (await store.read(attempt, { by: 'chunk', number: 0 }, 1_000)).map(({ stdout }) => stdout.byte);
    const starts = await startsOf(await print([]));
    const last = starts.length - 1;
    // Pages begin here, those that are searched backward end before the second two.
    const pages = [8, 136, last - 7, last - 135].toSorted((a, b) => a - b);
    expect(pages[0]).toBeGreaterThan(0);
    const attempt = await print(pages.map((number) => (starts[number] ?? 0) - 3));
    expect(await startsOf(attempt)).toEqual(starts);
    for (const direction of ['forward', 'backward'] as const) {
      const found = (await find(attempt, 'needle', { direction })).lines.map(({ place }) => place);
      const expected = pages.map((number) => `${number}.0`);
      expect(found).toEqual(direction === 'forward' ? expected : expected.toReversed());
    }
  });

  it('names the last lines first when it looks backward, and goes on before the place it is given', async () => {
    const attempt = await record((sink) => {
      for (let line = 0; line < 30_000; line += 1) sink.append('stdout', Buffer.from(`line ${line}\n`), at);
    });
    const last = await find(attempt, 'line 29', { direction: 'backward', limit: 2 });
    expect(last.lines.map(({ line }) => line)).toEqual([29_999, 29_998]);
    const before = await find(attempt, '7', {
      direction: 'backward',
      limit: 2,
      from: { by: 'line', stream: 'stdout', line: 17_007 },
    });
    expect(before.lines.map(({ line }) => line)).toEqual([17_006, 17_005]);
  });

  it('goes on in output that grew, and finds nothing twice but a line that was not complete', async () => {
    const { attempt, sink, stop } = open();
    const flush = async (text: string, expected: number): Promise<void> => {
      sink.append('stdout', Buffer.from(text), at);
      await expect.poll(() => sink.pendingBytes, { timeout: 10_000 }).toBe(expected);
    };
    await flush('needle one\nhay\nneedle tw', 0);
    const first = await find(attempt, 'needle');
    expect(first.lines.map(({ text, isPartial }) => [text, isPartial])).toEqual([
      ['needle one', false],
      ['needle tw', true],
    ]);
    expect((await find(attempt, 'nothing', { from: first.searchedTo })).lines).toEqual([]);
    await flush('o\nhay\nneedle three\n', 0);
    const second = await find(attempt, 'needle', { from: first.searchedTo });
    expect(second.lines.map(({ text }) => text)).toEqual(['needle two', 'needle three']);
    expect(second.isComplete).toBe(true);
    await sink.close();
    await stop();
  });

  it('misses no line of output that is written while it is searched again and again', async () => {
    const { attempt, sink, stop } = open();
    const count = 3_000;
    let isWritten = false;
    const writing = (async () => {
      for (let line = 0; line < count; line += 1) {
        sink.append('stdout', Buffer.from(`needle ${line} ${'.'.repeat(200)}\n`), at);
        if (line % 20 === 0) await setTimeout(1);
      }
      expect(await sink.close()).toBe(true);
      isWritten = true;
    })();
    const seen = new Set<number | null>();
    let from: FindOptions['from'] = null;
    for (let isLast = false; !isLast;) {
      isLast = isWritten;
      const page: FoundLines = await find(attempt, 'needle', { from });
      for (const { line } of page.lines) seen.add(line);
      from = page.searchedTo;
    }
    await writing;
    await stop();
    expect(seen.size).toBe(count);
  });

  it('stops when its time is up and says how far it came', async () => {
    const attempt = await record((sink) => {
      const text = Buffer.from(`${'x'.repeat(99)}\n`.repeat(1_000));
      for (let megabyte = 0; megabyte < 200; megabyte += 1) sink.append('stdout', text, at);
      sink.append('stdout', Buffer.from('needle\n'), at);
    });
    let page = await find(attempt, 'needle', { budgetMs: 0 });
    expect(page).toMatchObject({ lines: [], isComplete: false });
    let pages = 1;
    for (; !page.isComplete && pages < 1_000; pages += 1)
      page = await find(attempt, 'needle', { budgetMs: 0, from: page.searchedTo });
    expect(page.lines.map(({ line }) => line)).toEqual([200_000]);
    expect(pages).toBeGreaterThan(2);
  });

  it('shows a found line among those of both streams by its place, and by its name', async () => {
    const attempt = await record((sink) => {
      for (let line = 0; line < 20_000; line += 1)
        sink.append(line % 3 === 0 ? 'stderr' : 'stdout', Buffer.from(`line ${line}\n`), at);
    });
    const [line] = (await find(attempt, 'line 15000')).lines;
    const reader = createOutputReader(createOutputStore(database.db));
    for (const from of [line?.place ?? '', `stderr:${line?.line}`]) {
      const page = await reader.mergedLines(attempt, { from, limit: 2 });
      expect(page.lines.map(({ text }) => text)).toEqual(['line 15000', 'line 15001']);
    }
  });

  it('finds what people see: neither colours nor what was written over count, accents in any form do', async () => {
    const attempt = await record((sink) => {
      for (const line of [
        '\u001B[1mmain.c:3:5: \u001B[31merror: \u001B[m\u001B[Kmissing semicolon',
        'loaded 10 %\rloaded 99 %',
        'cafe\u0301',
        'caf\u00E9',
        'a windows line\r',
      ])
        sink.append('stdout', Buffer.from(`${line}\n`), at);
    });
    const linesWith = async (text: string): Promise<(number | null)[]> =>
      (await find(attempt, text)).lines.map(({ line }) => line);
    expect(await linesWith('error: missing semicolon')).toEqual([0]);
    expect(await linesWith('[31m')).toEqual([]);
    expect(await linesWith('loaded 99 %')).toEqual([1]);
    expect(await linesWith('loaded 10 %')).toEqual([]);
    for (const text of ['caf\u00E9', 'cafe\u0301']) expect(await linesWith(text)).toEqual([2, 3]);
    expect(await linesWith('windows line')).toEqual([4]);
  });

  it('finds nothing in output that is not there', async () => {
    const attempt = { jobId: 999_999, number: 1, claimedAt: at };
    for (const direction of ['forward', 'backward'] as const)
      expect(await find(attempt, 'x', { direction })).toEqual({
        lines: [],
        searchedTo: null,
        isComplete: true,
      });
  });
});
