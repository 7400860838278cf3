import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { silentLogger } from '../../src/lib/logger.ts';
import type {
  AttemptRef,
  OutputReader,
  OutputSink,
  OutputStore,
  OutputView,
} from '../../src/domain/output/ports.ts';
import { createOutputReader } from '../../src/domain/output/reader.ts';
import { createOutputRecorder } from '../../src/domain/output/recorder.ts';
import { createOutputStore } from '../../src/adapters/store/output-store.ts';
import type { TestDatabase } from '../support/database.ts';
import { describeOnDatabases } from '../support/describe-on-databases.ts';
import { streams, type Stream } from '../../src/contract/stream.ts';

describeOnDatabases('a view of output', (create) => {
  let database: TestDatabase;
  let store: OutputStore;
  let reader: OutputReader;
  let lastJob = 0;

  beforeAll(async () => {
    database = await create();
    store = createOutputStore(database.db);
    await store.preparePartitions(2);
    reader = createOutputReader(store);
  });

  afterAll(() => database?.drop());

  const at = new Date('2026-11-22T10:00:00Z');

  async function record(write: (sink: OutputSink) => void | Promise<void>): Promise<AttemptRef> {
    lastJob += 1;
    const attempt = { jobId: lastJob, number: 1, claimedAt: at };
    const recorder = createOutputRecorder(store, silentLogger);
    const sink = recorder.open({ ...attempt, onProtocol: () => {}, onStored: () => {} });
    await write(sink);
    expect(await sink.close()).toBe(true);
    await recorder.stop();
    return attempt;
  }

  const view = (
    attempt: AttemptRef,
    options: Partial<Parameters<OutputReader['view']>[1]> = {},
  ): Promise<OutputView> =>
    reader.view(attempt, { stream: null, from: null, direction: 'forward', limit: 300, ...options });

  async function walk(
    attempt: AttemptRef,
    { stream, direction, limit }: { stream: Stream | null; direction: 'forward' | 'backward'; limit: number },
  ): Promise<OutputView['lines']> {
    const pages: OutputView['lines'][] = [];
    const isForward = direction === 'forward';
    for (let from: string | null = isForward ? null : 'end', isOn = true; isOn && pages.length < 10_000;) {
      const page: OutputView = await view(attempt, { stream, direction, limit, from });
      pages.push(page.lines);
      from = isForward ? page.after : page.before;
      isOn = isForward ? page.hasMore : from !== null;
    }
    return (isForward ? pages : pages.toReversed()).flat();
  }

  /** 20,000 lines, every third of stderr, over several chunks. */
  const mixed = (): Promise<AttemptRef> =>
    record((sink) => {
      for (let line = 0; line < 20_000; line += 1)
        sink.append(
          line % 3 === 0 ? 'stderr' : 'stdout',
          Buffer.from(`line ${line} ${'.'.repeat(20)}\n`),
          at,
        );
    });
  const numberOf = ({ text }: { text: string }): number => Number(text.split(' ')[1]);

  const piece = fc.record({
    stream: fc.constantFrom('stdout' as const, 'stderr' as const),
    text: fc.oneof(
      fc.stringMatching(/^[a-z\n]{0,60}$/),
      fc.integer({ min: 60_000, max: 200_000 }).map((length) => 'x'.repeat(length)),
      fc.integer({ min: 1, max: 2_000 }).map((count) => 'line of text\n'.repeat(count)),
    ),
  });

  it('shows the same lines whichever way one goes, each once, and nothing but what was printed', async () => {
    const stream = fc.constantFrom('stdout' as const, 'stderr' as const, null);
    await fc.assert(
      fc.asyncProperty(
        fc.array(piece, { maxLength: 6 }),
        stream,
        fc.integer({ min: 200, max: 2_000 }),
        async (pieces, wanted, limit) => {
          const attempt = await record((sink) => {
            for (const { stream: of, text } of pieces) sink.append(of, Buffer.from(text), at);
          });
          const forward = await walk(attempt, { stream: wanted, direction: 'forward', limit });
          const backward = await walk(attempt, { stream: wanted, direction: 'backward', limit });
          expect(backward).toEqual(forward);
          expect(new Set(forward.map(({ place }) => place)).size).toBe(forward.length);
          for (const of of streams) {
            const printed = pieces.flatMap((one) => (one.stream === of ? [one.text] : [])).join('');
            const shown = forward.filter((line) => line.stream === of);
            const joined = shown.map((line) => `${line.text}${line.isPartial ? '' : '\n'}`).join('');
            expect(joined === (wanted === null || wanted === of ? printed : '')).toBe(true);
          }
        },
      ),
      { numRuns: 20 },
    );
  });

  it('begins at a row, a line or a place, and tells how many rows there are', async () => {
    const attempt = await mixed();
    const atRow = await view(attempt, { from: 'row:12345', limit: 2 });
    expect(atRow).toMatchObject({ rows: 20_000, hasMore: true });
    expect(atRow.lines.map((line) => [numberOf(line), line.row])).toEqual([
      [12_345, 12_345],
      [12_346, 12_346],
    ]);
    const [line] = atRow.lines;
    for (const from of [`${line?.stream}:${line?.line}`, line?.place ?? ''])
      expect((await view(attempt, { from, limit: 2 })).lines).toEqual(atRow.lines);
    const before = await view(attempt, { from: line?.place ?? '', direction: 'backward', limit: 3 });
    expect(before.lines.map(numberOf)).toEqual([12_342, 12_343, 12_344]);
    const stderr = await view(attempt, { stream: 'stderr', from: 'row:6000', limit: 1 });
    expect(stderr).toMatchObject({ rows: 6_667, lines: [{ line: 6_000, row: 6_000 }] });
  });

  it('beyond the end is the end', async () => {
    const attempt = await mixed();
    for (const from of ['end', 'row:99999999', 'stdout:99999999', '999999.0']) {
      expect(await view(attempt, { from })).toMatchObject({ lines: [], hasMore: false, rows: 20_000 });
      const { lines } = await view(attempt, { from, direction: 'backward', limit: 2 });
      expect(lines.map(numberOf)).toEqual([19_998, 19_999]);
    }
  });

  it('of the rare stream finds its lines among many of the other, also when it begins to print', async () => {
    const recorder = createOutputRecorder(store, silentLogger);
    lastJob += 1;
    const attempt = { jobId: lastJob, number: 1, claimedAt: at };
    let stored = Promise.withResolvers<void>();
    const sink = recorder.open({ ...attempt, onProtocol: () => {}, onStored: () => stored.resolve() });
    sink.append('stdout', Buffer.from('much\n'.repeat(200_000)), at);
    await stored.promise;
    const early = await view(attempt, { stream: 'stderr', from: 'end', direction: 'backward' });
    expect(early).toMatchObject({ lines: [], hasMore: false });
    stored = Promise.withResolvers<void>();
    sink.append('stderr', Buffer.from('rare\n'), at);
    await sink.close();
    await recorder.stop();
    expect(await view(attempt, { stream: 'stderr', from: early.after })).toMatchObject({
      lines: [{ text: 'rare', line: 0 }],
    });
    const { lines } = await view(attempt, { stream: 'stderr', from: 'end', direction: 'backward' });
    expect(lines).toMatchObject([{ text: 'rare' }]);
  });

  it('goes on where it ended while more is printed: nothing lost, nothing twice', async () => {
    const seen: OutputView['lines'] = [];
    let after: string | null = null;
    const recorder = createOutputRecorder(store, silentLogger);
    lastJob += 1;
    const attempt = { jobId: lastJob, number: 1, claimedAt: at };
    const sink = recorder.open({ ...attempt, onProtocol: () => {}, onStored: () => {} });
    const look = async (): Promise<void> => {
      for (;;) {
        const page: OutputView = await view(attempt, { from: after, limit: 7 });
        seen.push(...page.lines);
        after = page.after;
        if (page.hasMore) continue;
        while (seen.at(-1)?.isPartial) seen.pop();
        return;
      }
    };
    for (let index = 0; index < 60; index += 1) {
      sink.append('stdout', Buffer.from(`${'o'.repeat(index * 997)}${index % 2 === 0 ? '\n' : ''}`), at);
      sink.append('stderr', Buffer.from(`e${index}\n`), at);
      if (index % 3 === 0) await look();
    }
    sink.append('stdout', Buffer.from('\n'), at);
    await sink.close();
    await recorder.stop();
    await look();
    expect(seen.filter(({ stream }) => stream === 'stderr').map(({ text }) => text)).toEqual(
      Array.from({ length: 60 }, (_, index) => `e${index}`),
    );
    const whole = await walk(attempt, { stream: 'stdout', direction: 'forward', limit: 1_000 });
    expect(seen.filter(({ stream }) => stream === 'stdout').map(({ text }) => text)).toEqual(
      whole.map(({ text }) => text),
    );
  });

  it('is bounded in text, so that lines of any length can be looked at', async () => {
    const attempt = await record((sink) => {
      for (let line = 0; line < 40; line += 1)
        sink.append('stdout', Buffer.from(`${'x'.repeat(100_000)}\n`), at);
    });
    const page = await view(attempt);
    expect(page.lines.length).toBeLessThan(20);
    expect(page.hasMore).toBe(true);
    expect((await view(attempt, { from: 'end', direction: 'backward' })).lines.length).toBeLessThan(20);
  });

  it('refuses what is no place', async () => {
    const attempt = await record((sink) => sink.append('stdout', Buffer.from('one\n'), at));
    for (const from of ['', 'row:x', 'stdin:1', '1.2.3'])
      await expect(view(attempt, { from })).rejects.toThrow(RangeError);
  });
});
