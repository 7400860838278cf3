import { describe, expect, it } from 'vitest';
import { formatAgo, formatDuration, formatTime, momentOption, parseDuration } from './time.ts';

describe('parseDuration', () => {
  it.each([
    ['90', 90_000],
    ['1.5', 1_500],
    ['90s', 90_000],
    ['10m', 600_000],
    ['10min', 600_000],
    ['1h30m', 5_400_000],
    ['2d', 172_800_000],
    ['1w', 604_800_000],
  ])('%s', (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });

  it.each(['', 'soon', '10 parsecs', '-5', '1h later'])('"%s" is none', (text) => {
    expect(parseDuration(text)).toBeNull();
  });
});

describe('momentOption', () => {
  const now = new Date(2026, 2, 10, 15, 30);
  const since = (text: string): Date => momentOption('--since', text, { direction: 'ago', now });

  it.each([
    ['2h', new Date(2026, 2, 10, 13, 30)],
    ['today', new Date(2026, 2, 10)],
    ['yesterday', new Date(2026, 2, 9)],
    ['2026-03-01', new Date(2026, 2, 1)],
    ['2026-03-01 14:30', new Date(2026, 2, 1, 14, 30)],
    ['2026-03-01T14:30:05Z', new Date('2026-03-01T14:30:05Z')],
    ['2026-03-01T14:30+02:00', new Date('2026-03-01T12:30:00Z')],
  ])('%s', (text, moment) => {
    expect(since(text)).toEqual(moment);
  });

  it('a duration may also lie ahead', () => {
    expect(momentOption('--run-at', '+90m', { direction: 'ahead', now })).toEqual(new Date(2026, 2, 10, 17));
  });

  it.each(['2026-02-30', '2026-13-01', 'March', '14:30'])('%s is refused with what was expected', (text) => {
    expect(() => since(text)).toThrow(`--since is "${text}"; expected`);
  });
});

describe('shown times', () => {
  it.each([
    [0, '0 ms'],
    [950, '950 ms'],
    [1_234, '1.2 s'],
    [59_400, '59 s'],
    [80_000, '1 min 20 s'],
    [3_600_000, '1 h'],
    [90_000_000, '1 d 1 h'],
  ])('%d ms is %s', (ms, text) => {
    expect(formatDuration(ms)).toBe(text);
  });

  it('moments are local, and relative within a day', () => {
    const now = new Date(2026, 2, 10, 15, 30, 5);
    const before = (ms: number): Date => new Date(now.getTime() - ms);
    expect(formatTime(now)).toBe('2026-03-10 15:30:05');
    expect(formatAgo(before(500), now)).toBe('now');
    expect(formatAgo(before(5_000), now)).toBe('5 s ago');
    expect(formatAgo(before(330_000), now)).toBe('5 min ago');
    expect(formatAgo(before(-7_200_000), now)).toBe('in 2 h');
    expect(formatAgo(new Date(2026, 2, 1), now)).toBe('2026-03-01 00:00:00');
  });
});
