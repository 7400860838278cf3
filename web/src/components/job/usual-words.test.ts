import { describe, expect, it } from 'vitest';
import { slowWords, usualEnd, usualWords } from './usual-words.ts';

const startedAt = '2026-03-01T12:00:00.000Z';
const startMs = Date.parse(startedAt);
const usual = { medianMs: 180_000, p5Ms: 150_000, p95Ms: 240_000, runs: 5, alike: 'name' as const };
const running = { startedAt, state: 'running' as const, usual };

describe('the usual time', () => {
  it('says when a running job is likely to end, until that moment has passed', () => {
    expect(usualEnd(running, startMs + 60_000)?.toISOString()).toBe('2026-03-01T12:03:00.000Z');
    expect(usualEnd(running, startMs + 200_000)).toBeNull();
    expect(usualEnd({ ...running, state: 'succeeded' }, startMs)).toBeNull();
  });

  it('calls a running job slow only when it takes longer than nearly all before it', () => {
    expect(slowWords(running, 240_000)).toBeNull();
    expect(slowWords(running, 240_001)).toBe('slower than usual (usually 3 min)');
    expect(slowWords({ ...running, state: 'failed' }, 240_001)).toBeNull();
  });

  it('says nothing with fewer than five runs, or from jobs that share only the kind', () => {
    for (const little of [{ ...usual, runs: 4 }, { ...usual, alike: 'kind' as const }, null]) {
      expect(slowWords({ ...running, usual: little }, 900_000)).toBeNull();
      expect(usualEnd({ ...running, usual: little }, startMs)).toBeNull();
      expect(usualWords({ usual: little }, 900_000)).toBeNull();
    }
  });

  it('stands with an ended job, which was slower or faster only beyond one run of twenty', () => {
    expect([100_000, 150_000, 240_000, 240_001].map((ms) => usualWords({ usual }, ms))).toEqual([
      '3 min; this one was faster',
      '3 min',
      '3 min',
      '3 min; this one was slower',
    ]);
  });
});
