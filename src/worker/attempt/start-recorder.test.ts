import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { Start } from '../../domain/jobs/ports.ts';
import { silentLogger } from '../../lib/logger.ts';
import { StartRecorder } from './start-recorder.ts';

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

const startOf = (jobId: number): Start => ({
  jobId,
  number: 1,
  token: 'a token',
  launchedAt: '2026-05-04T03:02:01.000Z',
  program: null,
  freeBeforeKib: null,
  capsule: null,
});

/** A recorder, and the jobs of each statement that it made. */
function open(
  answer: (batch: readonly Start[]) => Promise<boolean[]> = async (batch) => batch.map(() => true),
) {
  const statements: number[][] = [];
  const recordStarts = (batch: readonly Start[]): Promise<boolean[]> => {
    statements.push(batch.map(({ jobId }) => jobId));
    return answer(batch);
  };
  return { statements, recorder: new StartRecorder({ recordStarts }, silentLogger) };
}

it('records together what was started together, within 50 ms', async () => {
  const { recorder, statements } = open();
  const settles = [recorder.add(startOf(1)), recorder.add(startOf(2))];
  await vi.advanceTimersByTimeAsync(39);
  expect(statements).toEqual([]);
  await vi.advanceTimersByTimeAsync(11);
  expect(statements).toEqual([[1, 2]]);
  expect(await Promise.all(settles.map((settle) => settle()))).toEqual([true, true]);
});

it('records none later than 50 ms, however many follow one another', async () => {
  const { recorder, statements } = open();
  const startedMs = new Map<number, number>();
  for (let id = 1; id <= 100; id += 1) {
    startedMs.set(id, performance.now());
    recorder.add(startOf(id));
    const before = statements.length;
    await vi.advanceTimersByTimeAsync(7);
    for (const ids of statements.slice(before))
      for (const one of ids)
        expect(performance.now() - (startedMs.get(one) ?? 0)).toBeLessThanOrEqual(50 + 7);
  }
  await vi.advanceTimersByTimeAsync(50);
  expect(statements.flat()).toEqual([...startedMs.keys()]);
  expect(statements.length).toBeLessThan(100);
});

it('leaves to the end what ends sooner, and asks nothing for it', async () => {
  const { recorder, statements } = open();
  const settle = recorder.add(startOf(1));
  await vi.advanceTimersByTimeAsync(30);
  expect(await settle()).toBe(false);
  await vi.advanceTimersByTimeAsync(100);
  expect(statements).toEqual([]);
});

it('lets an end that comes meanwhile wait for what is under way', async () => {
  const { promise, resolve } = Promise.withResolvers<boolean[]>();
  const { recorder } = open(() => promise);
  const settle = recorder.add(startOf(1));
  await vi.advanceTimersByTimeAsync(50);
  let settled: boolean | undefined;
  const ended = settle().then((isRecorded) => (settled = isRecorded));
  await vi.advanceTimersByTimeAsync(100);
  expect(settled).toBeUndefined();
  resolve([true]);
  await ended;
  expect(settled).toBe(true);
});

it('leaves to the end what the store did not take, or did not know any more', async () => {
  const away = open(() => Promise.reject(new Error('the database went away')));
  const settleAway = away.recorder.add(startOf(1));
  const over = open(async () => [false]);
  const settleOver = over.recorder.add(startOf(1));
  await vi.advanceTimersByTimeAsync(50);
  expect([await settleAway(), await settleOver()]).toEqual([false, false]);
});

it('records what waits when the worker goes', async () => {
  const { recorder, statements } = open();
  recorder.add(startOf(1));
  await recorder.flush();
  expect(statements).toEqual([[1]]);
  await vi.advanceTimersByTimeAsync(100);
  expect(statements).toEqual([[1]]);
});
