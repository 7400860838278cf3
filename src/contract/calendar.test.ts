import { describe, expect, it } from 'vitest';
import { bucketEdges, isoDateIn, momentOf } from './calendar.ts';

const iso = (ms: number): string => new Date(ms).toISOString();

describe('a day begins', () => {
  it.each([
    ['Europe/Berlin', [2026, 3, 29], '2026-03-28T23:00:00.000Z'],
    ['UTC', [2026, 3, 29], '2026-03-29T00:00:00.000Z'],
    // Clocks go from midnight to one: these days have no midnight.
    ['America/Santiago', [2026, 9, 6], '2026-09-06T04:00:00.000Z'],
    ['Africa/Cairo', [2026, 4, 24], '2026-04-23T22:00:00.000Z'],
    ['Asia/Beirut', [2026, 3, 29], '2026-03-28T22:00:00.000Z'],
    ['America/Havana', [2026, 3, 8], '2026-03-08T05:00:00.000Z'],
    // From 23:30 to 00:30: the day begins at half past.
    ['America/Toronto', [1919, 3, 31], '1919-03-31T04:30:00.000Z'],
    // Midnight comes twice: the first one.
    ['America/Havana', [2026, 11, 1], '2026-11-01T04:00:00.000Z'],
    // The day that is not there begins, and ends, when the next one does.
    ['Pacific/Apia', [2011, 12, 30], '2011-12-30T10:00:00.000Z'],
    ['Pacific/Apia', [2011, 12, 31], '2011-12-30T10:00:00.000Z'],
  ] as const)('in %s on %j at %s', (timezone, day, moment) => {
    expect(iso(momentOf(day, timezone))).toBe(moment);
  });

  it('and the moment before still has the date of the day before', () => {
    const start = momentOf([2026, 9, 6], 'America/Santiago');
    expect(isoDateIn('America/Santiago', start - 1)).toBe('2026-09-05');
    expect(isoDateIn('America/Santiago', start)).toBe('2026-09-06');
  });
});

describe('a clock reading', () => {
  it('that a gap leaves out is the end of the gap', () => {
    expect(iso(momentOf([2026, 9, 6, 0, 30], 'America/Santiago'))).toBe('2026-09-06T04:00:00.000Z');
    expect(iso(momentOf([2026, 3, 29, 2, 59], 'Europe/Berlin'))).toBe('2026-03-29T01:00:00.000Z');
  });

  it('that comes twice is the first one', () => {
    expect(iso(momentOf([2026, 10, 25, 2, 30], 'Europe/Berlin'))).toBe('2026-10-25T00:30:00.000Z');
  });

  it('carries on what overflows', () => {
    expect(iso(momentOf([2026, 13, 1], 'UTC'))).toBe('2027-01-01T00:00:00.000Z');
    expect(iso(momentOf([2026, 3, 0], 'UTC'))).toBe('2026-02-28T00:00:00.000Z');
  });
});

describe('the edges of buckets', () => {
  const edges = (bucket: 'hour' | 'day' | 'week' | 'month', from: string, until: string, timezone: string) =>
    bucketEdges({ bucket, from: new Date(from), until: new Date(until), timezone }).map((edge) =>
      edge.toISOString(),
    );

  it('hold what was asked for, from the beginning of the first to the end of the last', () => {
    expect(edges('day', '2026-03-28T12:00:00Z', '2026-03-29T22:30:00Z', 'Europe/Berlin')).toEqual([
      '2026-03-27T23:00:00.000Z',
      '2026-03-28T23:00:00.000Z',
      '2026-03-29T22:00:00.000Z',
      '2026-03-30T22:00:00.000Z',
    ]);
    expect(edges('month', '2026-01-31T00:00:00Z', '2026-03-01T00:00:00Z', 'UTC')).toEqual([
      '2026-01-01T00:00:00.000Z',
      '2026-02-01T00:00:00.000Z',
      '2026-03-01T00:00:00.000Z',
    ]);
    expect(edges('week', '2026-11-29T12:00:00Z', '2026-11-30T01:00:00Z', 'UTC')).toEqual([
      '2026-11-23T00:00:00.000Z',
      '2026-11-30T00:00:00.000Z',
      '2026-12-07T00:00:00.000Z',
    ]);
  });

  it('are hours that pass, also where one comes twice, and of zones that are half an hour off', () => {
    expect(edges('hour', '2026-10-25T00:10:00Z', '2026-10-25T02:00:00Z', 'Europe/Berlin')).toHaveLength(3);
    expect(edges('hour', '2026-10-25T00:40:00Z', '2026-10-25T00:50:00Z', 'Asia/Kolkata')).toEqual([
      '2026-10-25T00:30:00.000Z',
      '2026-10-25T01:30:00.000Z',
    ]);
  });

  it('leave out a day that is not there', () => {
    expect(edges('day', '2011-12-30T00:00:00Z', '2011-12-30T20:00:00Z', 'Pacific/Apia')).toEqual([
      '2011-12-29T10:00:00.000Z',
      '2011-12-30T10:00:00.000Z',
      '2011-12-31T10:00:00.000Z',
    ]);
  });
});
