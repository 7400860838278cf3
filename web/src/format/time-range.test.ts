import { describe, expect, it } from 'vitest';
import { daysOf, readRange, resolveRange, writeRange } from './time-range.ts';

const nowMs = new Date('2026-11-22T12:00:00').getTime();

describe('a time range of an address', () => {
  it.each([
    [{}, { range: '7d' }],
    [{ range: 'month' }, { range: 'month' }],
    [{ range: 'century' }, { range: '7d' }],
    [
      { from: '2026-11-01', to: '2026-11-03' },
      { from: '2026-11-01', to: '2026-11-03' },
    ],
    [{ from: '2026-11-03', to: '2026-11-01', range: '24h' }, { range: '24h' }],
    [{ from: '<script>', to: '2026-11-01' }, { range: '7d' }],
  ])('%j is read, and written as %j', (query, written) => {
    expect(writeRange(readRange(query, '7d'))).toEqual(written);
  });

  it('of two days has both, whole', () => {
    const { from, until } = resolveRange({ preset: null, from: '2026-11-01', to: '2026-11-03' }, nowMs);
    expect([from, until]).toEqual([new Date('2026-11-01T00:00:00'), new Date('2026-11-04T00:00:00')]);
  });

  it('of a preset ends now', () => {
    expect(resolveRange({ preset: 'month', from: '', to: '' }, nowMs)).toEqual({
      from: new Date('2026-11-01T00:00:00'),
      until: new Date(nowMs),
    });
    expect(daysOf({ preset: '24h', from: '', to: '' }, nowMs)).toEqual({
      from: '2026-11-21',
      to: '2026-11-22',
    });
  });
});
