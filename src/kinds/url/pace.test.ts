import { describe, expect, it } from 'vitest';
import { delay } from '../../lib/delay.ts';
import { inPace } from './pace.ts';

const options = { concurrency: 10, perHost: 10, hostIntervalMs: 0, signal: new AbortController().signal };
const hostOf = (item: string): string => item.slice(0, 1);

describe('a pace', () => {
  it('does each item once, never more at once than allowed in all and on one host', async () => {
    const items = Array.from({ length: 60 }, (_, n) => `${'abc'[n % 3]}${n}`);
    const done: string[] = [];
    const running = new Map<string, number>();
    let [most, mostOfHost, all] = [0, 0, 0];
    await inPace(items, hostOf, { ...options, concurrency: 5, perHost: 2 }, async (item) => {
      const host = hostOf(item);
      all += 1;
      running.set(host, (running.get(host) ?? 0) + 1);
      most = Math.max(most, all);
      mostOfHost = Math.max(mostOfHost, running.get(host) ?? 0);
      await delay(1);
      running.set(host, (running.get(host) ?? 0) - 1);
      all -= 1;
      done.push(item);
    });
    expect(done.toSorted()).toEqual(items.toSorted());
    expect([most, mostOfHost]).toEqual([5, 2]);
  });

  it('leaves the interval between two starts on one host, and does not hold up another host', async () => {
    const starts: { item: string; atMs: number }[] = [];
    await inPace(['a1', 'a2', 'a3', 'b1'], hostOf, { ...options, hostIntervalMs: 40 }, async (item) => {
      starts.push({ item, atMs: performance.now() });
    });
    const at = (item: string): number => starts.find((one) => one.item === item)?.atMs ?? Number.NaN;
    expect(at('a2') - at('a1')).toBeGreaterThanOrEqual(39);
    expect(at('a3') - at('a2')).toBeGreaterThanOrEqual(39);
    expect(at('b1')).toBeLessThan(at('a2'));
  });

  it('begins nothing more after an error or an abort, and ends when nothing runs', async () => {
    const begun: string[] = [];
    const failing = inPace(['a1', 'a2', 'a3'], hostOf, { ...options, perHost: 1 }, (item) => {
      begun.push(item);
      return item === 'a2' ? Promise.reject(new Error('broken')) : Promise.resolve();
    });
    await expect(failing).rejects.toThrow('broken');
    expect(begun).toEqual(['a1', 'a2']);

    const stop = new AbortController();
    let isRunning = false;
    const stopped = inPace(
      ['a1', 'a2'],
      hostOf,
      { ...options, perHost: 1, signal: stop.signal },
      async () => {
        isRunning = true;
        stop.abort('cancelled');
        await delay(5);
        isRunning = false;
      },
    );
    await expect(stopped).rejects.toBe('cancelled');
    expect(isRunning).toBe(false);
  });
});
