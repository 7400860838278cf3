import { expect, it, vi } from 'vitest';
import type { ClaimedJob } from '../../domain/jobs/ports.ts';
import type { UsageSample } from '../../launcher/protocol.ts';
import { silentLogger } from '../../lib/logger.ts';
import type { SeriesPoints } from '../../domain/reports/series-ports.ts';
import { AttemptWatch, toPoints } from './attempt-watch.ts';

const job = { jobId: 1, number: 2, token: 't' } as ClaimedJob;

function samples(count: number): UsageSample[] {
  return Array.from({ length: count }, (_, index) => ({
    atMs: (index + 1) * 1_000,
    cpuMs: index * 500,
    memoryBytes: 4096 * (index + 1),
    readBytes: null,
    writtenBytes: index * 100,
  }));
}

function createStores(storedPoints: number) {
  const stored: SeriesPoints[] = [];
  const near: string[] = [];
  return {
    stored,
    near,
    jobs: {
      nearLimit: async (_attempt: unknown, { limit }: { limit: string }) => void near.push(limit),
    },
    series: {
      append: async (_attempt: unknown, points: readonly SeriesPoints[]) => void stored.push(...points),
      list: async () => [{ id: 1, attempt: 2, name: 'daybook.memory', unit: 'B', points: storedPoints }],
    },
  };
}

function create(stores: ReturnType<typeof createStores>, isAdopted: boolean): AttemptWatch {
  return new AttemptWatch(job, stores, { isAdopted, logger: silentLogger });
}

it('an attempt of a few seconds keeps no series', async () => {
  const stores = createStores(0);
  const watch = create(stores, false);
  watch.accept({ near: [], firstSample: 0, samples: samples(9) });
  await watch.close(9_500);
  expect(stores.stored).toEqual([]);
});

it('a longer one keeps every sample once', async () => {
  const stores = createStores(0);
  const watch = create(stores, false);
  watch.accept({ near: [], firstSample: 0, samples: samples(8) });
  watch.accept({ near: [], firstSample: 8, samples: samples(12).slice(8) });
  await watch.close(12_500);
  const memory = stores.stored.find(({ name }) => name === 'daybook.memory');
  expect(memory?.x).toEqual(Array.from({ length: 12 }, (_, index) => index + 1));
  expect(stores.stored.map(({ name }) => name)).not.toContain('daybook.read');
});

it('the next life of a worker goes on behind what is stored', async () => {
  const stores = createStores(10);
  const watch = create(stores, true);
  watch.accept({ near: [], firstSample: 0, samples: samples(12) });
  await watch.close(12_500);
  expect(stores.stored.find(({ name }) => name === 'daybook.memory')?.x).toEqual([11, 12]);
});

it('that it ran for long is told by its end, not by its last sample', async () => {
  const stores = createStores(0);
  const watch = create(stores, false);
  watch.accept({ near: [], firstSample: 0, samples: samples(9) });
  await watch.close(10_100);
  expect(stores.stored.find(({ name }) => name === 'daybook.memory')?.x).toHaveLength(9);
});

it('rates are those since the sample before', () => {
  const points = toPoints(samples(3), 1);
  expect(points.find(({ name }) => name === 'daybook.cpu')?.y).toEqual([0.5, 0.5]);
  expect(points.find(({ name }) => name === 'daybook.written')?.y).toEqual([100, 100]);
});

it('a limit that comes near is told once', async () => {
  const stores = createStores(0);
  const watch = create(stores, false);
  const hit = { limit: 'memory' as const, value: 9, max: 10, at: 0 };
  watch.accept({ near: [hit], firstSample: 0, samples: [] });
  watch.accept({ near: [hit], firstSample: 0, samples: [] });
  await watch.close(0);
  expect(stores.near).toEqual(['memory']);
});

it('a store that answers late gets no sample twice', async () => {
  vi.useFakeTimers();
  try {
    const stores = createStores(0);
    const append = stores.series.append;
    stores.series.append = async (attempt, points) => {
      await new Promise((resolve) => setTimeout(resolve, 20_000));
      await append(attempt, points);
    };
    const watch = create(stores, false);
    watch.accept({ near: [], firstSample: 0, samples: samples(10) });
    await vi.advanceTimersByTimeAsync(6_000);
    watch.accept({ near: [], firstSample: 10, samples: samples(12).slice(10) });
    await vi.advanceTimersByTimeAsync(6_000);
    const closed = watch.close(12_500);
    await vi.advanceTimersByTimeAsync(60_000);
    await closed;
    const x = stores.stored.filter(({ name }) => name === 'daybook.memory').flatMap((points) => points.x);
    expect(x).toEqual(Array.from({ length: 12 }, (_, index) => index + 1));
  } finally {
    vi.useRealTimers();
  }
});
