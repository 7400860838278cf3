import { describe, expect, it } from 'vitest';
import { duration, relativeTime } from './time.ts';

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
