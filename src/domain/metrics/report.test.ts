import { Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import { silentLogger } from '../../lib/logger.ts';
import { createMetrics } from './metrics.ts';
import type { Figures } from './ports.ts';
import { createMetricsReport } from './report.ts';

const figures: Figures = {
  jobs: [{ queue: 'default', state: 'queued', count: 3, oldestSeconds: 12 }],
  workers: [{ name: 'one', state: 'active', slots: 4, running: 1, silentSeconds: 2 }],
  databaseBytes: 1_000,
  connections: 5,
  oldestTransactionSeconds: 0.5,
  transactionAge: 100,
};

function open(read: () => Promise<Figures>) {
  const registry = new Registry();
  let nowMs = 0;
  const report = createMetricsReport(registry, {
    reader: { read },
    process: () => ({ connections: { used: 1, idle: 2, waiting: 0 }, worker: null }),
    clock: { now: () => new Date(0), monotonicMs: () => nowMs },
    logger: silentLogger,
  });
  return { registry, report, advance: (ms: number) => (nowMs += ms) };
}

describe('a scrape', () => {
  it('shows jobs, queues, workers and slots as the database knows them', async () => {
    const text = await open(async () => figures).report.text();
    expect(text).toContain('daybook_database_up 1\n');
    expect(text).toContain('daybook_jobs{state="queued"} 3\n');
    expect(text).toContain('daybook_jobs{state="running"} 0\n');
    expect(text).toContain('daybook_queue_jobs{queue="default",state="queued"} 3\n');
    expect(text).toContain('daybook_queue_oldest_seconds{queue="default"} 12\n');
    expect(text).toContain('daybook_worker_beat_age_seconds{worker="one"} 2\n');
    expect(text).toMatch(/^daybook_slots 4$/m);
    expect(text).toMatch(/^daybook_slots_used 1$/m);
  });

  it('asks the database once for scrapes of one second, and again later', async () => {
    let reads = 0;
    const { report, advance } = open(async () => {
      reads += 1;
      return figures;
    });
    await Promise.all([report.text(), report.text()]);
    await report.text();
    expect(reads).toBe(1);
    advance(1_001);
    await report.text();
    expect(reads).toBe(2);
  });

  it('answers without the database, drops its figures and keeps what this process counted', async () => {
    let isAway = false;
    const { report, registry, advance } = open(async () => {
      if (isAway) throw new Error('away');
      return figures;
    });
    createMetrics(registry).submitted(2);
    await report.text();
    isAway = true;
    advance(1_001);
    const text = await report.text();
    expect(text).toContain('daybook_database_up 0\n');
    expect(text).toContain('daybook_jobs_submitted_total 2\n');
    expect(text).toContain('daybook_database_pool_connections{use="idle"} 2\n');
    for (const name of ['daybook_jobs', 'daybook_queue_jobs', 'daybook_slots', 'daybook_database_size_bytes'])
      expect(text).not.toMatch(new RegExp(`^${name}[{ ]`, 'm'));
  });

  it('does not hang on a database that never answers', async () => {
    const text = await open(() => new Promise<Figures>(() => {})).report.text();
    expect(text).toContain('daybook_database_up 0\n');
  });

  it('names at most 200 queues; the rest is one line', async () => {
    const jobs = Array.from({ length: 250 }, (_, index) => ({
      queue: `q${index}`,
      state: 'queued' as const,
      count: 1,
      oldestSeconds: 1,
    }));
    const text = await open(async () => ({ ...figures, jobs })).report.text();
    expect(text.match(/^daybook_queue_jobs\{/gm)).toHaveLength(201);
    expect(text).toContain('daybook_queue_jobs{queue="other",state="queued"} 50\n');
  });
});
