import { describe, expect, it } from 'vitest';
import { duration, relativeTime, shortTime } from './time.ts';

const now = Date.parse('2026-11-22T12:00:00Z');

describe('duration', () => {
  it.each([
    [0, '0 ms'],
    [99, '99 ms'],
    [400, '0.4 s'],
    [12_700, '12 s'],
    [60_000, '1 min'],
    [200_000, '3 min 20 s'],
    [2 * 3_600_000 + 5 * 60_000, '2 h 05 min'],
    [4 * 86_400_000 + 3 * 3_600_000, '4 d 3 h'],
    [-5_000, '−5.0 s'],
  ])('writes %d ms as %s', (ms, text) => {
    expect(duration(ms)).toBe(text);
  });
});

describe('relativeTime', () => {
  it.each([
    [500, 'now'],
    [12_000, '12 s ago'],
    [5 * 60_000, '5 min ago'],
    [-5 * 60_000, 'in 5 min'],
    [59 * 86_400_000, '59 d ago'],
    [400 * 86_400_000, '13 months ago'],
    [3 * 366 * 86_400_000, '3 years ago'],
  ])('tells what is %d ms old as %s', (age, text) => {
    expect(relativeTime(now - age, now)).toBe(text);
  });
});

describe('a moment', () => {
  const now = new Date(2026, 10, 30, 12).getTime();
  const text = (at: Date, options?: { bySecond: boolean }): string =>
    shortTime(at.toISOString(), now, options);

  it('is as short as it stays clear', () => {
    expect(text(new Date(2026, 10, 30, 9, 5))).toBe('09:05');
    expect(text(new Date(2026, 2, 1, 9, 5))).toMatch(/^[^:]*\b1\b[^:]*, 09:05$/);
    expect(text(new Date(2018, 11, 23, 9, 5))).toMatch(/^[^:]*2018$/);
  });

  it('has its seconds whenever it was, where what happened is told apart by them', () => {
    const bySecond = { bySecond: true };
    expect(text(new Date(2026, 10, 30, 9, 5, 7), bySecond)).toBe('09:05:07');
    expect(text(new Date(2018, 11, 23, 9, 5, 7), bySecond)).toMatch(/^[^:]*2018, 09:05:07$/);
  });
});
