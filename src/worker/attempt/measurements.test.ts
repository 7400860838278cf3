import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { SeriesPoints } from '../../domain/reports/series-ports.ts';
import { silentLogger } from '../../lib/logger.ts';
import { Measurements } from './measurements.ts';

const key = { jobId: 7, number: 1, token: 'a token' };

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

function create() {
  const stored = { progress: [] as unknown[], series: [] as SeriesPoints[][], failures: 0, warnings: 0 };
  const measurements = new Measurements(
    key,
    {
      jobs: {
        setProgress: async (batch) => {
          stored.progress.push(...batch.map(({ progress }) => progress));
        },
      },
      series: {
        append: async (_attempt, points) => {
          if (stored.failures > 0) {
            stored.failures -= 1;
            throw new Error('the database went away');
          }
          stored.series.push([...points]);
        },
        list: async () => [],
        read: async () => ({ x: new Float64Array(), y: new Float64Array() }),
      },
    },
    { ...silentLogger, warn: () => (stored.warnings += 1) },
  );
  return { measurements, stored };
}

const pause = (): Promise<unknown> => vi.advanceTimersByTimeAsync(600);

describe('reports of a program', () => {
  it('show the newest progress, stored now and then and not for every line', async () => {
    const { measurements, stored } = create();
    for (const progress of [0, 0.25, 0.5]) measurements.accept({ progress, message: `at ${progress}` });
    expect(stored.progress).toEqual([]);
    await pause();
    expect(stored.progress).toEqual([{ fraction: 0.5, message: 'at 0.5', at: expect.any(String) }]);
    await pause();
    expect(stored.progress).toHaveLength(1);
    measurements.accept({ message: 'nearly' });
    await pause();
    expect(stored.progress[1]).toMatchObject({ fraction: null, message: 'nearly' });
  });

  it('append points of a series one by one or as arrays, in order', async () => {
    const { measurements, stored } = create();
    measurements.accept({ series: { name: 'residual', unit: 'Pa', x: 1, y: 10 } });
    measurements.accept({ series: { name: 'residual', x: [2, 3], y: [20, 30] } });
    await pause();
    expect(stored.series).toEqual([
      [
        { name: 'residual', unit: 'Pa', x: [1], y: [10] },
        { name: 'residual', x: [2, 3], y: [20, 30] },
      ],
    ]);
  });

  it('merge members of the result, the later one winning', () => {
    const { measurements } = create();
    expect(measurements.result).toBeNull();
    measurements.accept({ result: { a: 1, b: 1 } });
    measurements.accept({ result: { b: 2, c: { d: null } } });
    expect(measurements.result).toEqual({ a: 1, b: 2, c: { d: null } });
  });

  it.each([
    [null],
    [7],
    ['progress'],
    [[]],
    [{}],
    [{ progress: 1.5 }],
    [{ progress: 'half' }],
    [{ message: 7 }],
    [{ series: { name: '', x: 1, y: 1 } }],
    [{ series: { name: 'a', x: [1, 2], y: [1] } }],
    [{ series: { name: 'a', x: '1', y: 1 } }],
    [{ series: { name: 'a', x: null, y: 1 } }],
    [{ result: [1] }],
    [{ result: 'fine' }],
    [{ unknown: true }],
  ])('that do not fit are passed over: %j', async (member) => {
    const { measurements, stored } = create();
    measurements.accept(member);
    await pause();
    await measurements.close();
    expect([stored.progress, stored.series, measurements.result]).toEqual([[], [], null]);
  });

  it('keep what fits of a report of which a part does not', async () => {
    const { measurements, stored } = create();
    measurements.accept({
      progress: 7,
      message: 'fine',
      series: { name: 'a', x: 1, y: 'x' },
      result: { a: 1 },
    });
    await pause();
    expect(stored.progress).toMatchObject([{ fraction: null, message: 'fine' }]);
    expect(stored.series).toEqual([]);
    expect(measurements.result).toEqual({ a: 1 });
  });
});

describe('storing', () => {
  it('stores at the close what is left, once', async () => {
    const { measurements, stored } = create();
    measurements.progress(1, null);
    measurements.series({ name: 'a', x: [1], y: [2] });
    await measurements.close();
    await pause();
    expect([stored.progress.length, stored.series.length]).toEqual([1, 1]);
  });

  it('stores points again, before newer ones, when the store failed', async () => {
    const { measurements, stored } = create();
    stored.failures = 2;
    measurements.series({ name: 'a', x: [1], y: [1] });
    await pause();
    expect([stored.warnings, stored.series]).toEqual([1, []]);
    measurements.series({ name: 'a', x: [2], y: [2] });
    await pause();
    await pause();
    expect(stored.series.flat().map(({ x }) => x)).toEqual([[1], [2]]);
    expect(stored.warnings).toBe(2);
  });
});

it('an older progress is never stored over a newer one, however late the store answers', async () => {
  const finished: unknown[] = [];
  const waits = [3_000, 10];
  const measurements = new Measurements(
    key,
    {
      jobs: {
        setProgress: async ([first]) => {
          const wait = waits.shift() ?? 0;
          await new Promise((resolve) => setTimeout(resolve, wait));
          finished.push(first?.progress);
        },
      },
      series: {
        append: async () => {},
        list: async () => [],
        read: async () => ({ x: new Float64Array(), y: new Float64Array() }),
      },
    },
    silentLogger,
  );
  measurements.progress(0.1, 'older');
  await vi.advanceTimersByTimeAsync(600);
  measurements.progress(0.2, 'newer');
  await vi.advanceTimersByTimeAsync(10_000);
  expect(finished).toMatchObject([{ message: 'older' }, { message: 'newer' }]);
});
