import { describe, expect, it } from 'vitest';
import { fromLineHash, parseLineName, toLineHash } from './line-address.ts';
import { readableOn, toLook } from './line-style.ts';
import { timeSince } from './line-time.ts';

describe('the address of a line', () => {
  it('is read as it is written', () => {
    expect(toLineHash({ stream: 'stderr', line: 120 })).toBe('#stderr-120');
    expect(toLineHash({ stream: 'stderr', line: null })).toBe('');
    expect(fromLineHash('#stderr-120')).toEqual({ stream: 'stderr', line: 120, name: 'stderr:120' });
    for (const other of ['', '#', '#stdout-', '#stdout-x', '#stdin-1', '#stdout-1x'])
      expect(fromLineHash(other)).toBeNull();
  });

  it.each([
    ['120', '#stdout-120'],
    [' 120 ', '#stdout-120'],
    ['stderr:7', '#stderr-7'],
    ['err 7', '#stderr-7'],
    ['Out7', '#stdout-7'],
    ['seven', null],
    ['', null],
  ])('typed as %j is %j', (text, expected) => {
    expect(parseLineName(text, 'stdout')).toBe(expected);
  });
});

it.each([
  [0, '+0.000 s'],
  [3_120, '+3.120 s'],
  [245_200, '+4:05.2'],
  [3_723_000, '+1:02:03'],
  [-5, '+0.000 s'],
])('the time of a line %d ms after the start is %s', (ms, expected) => {
  const start = Date.parse('2026-11-22T10:00:00Z');
  expect(timeSince(new Date(start + ms).toISOString(), new Date(start).toISOString())).toBe(expected);
});

describe('colours', () => {
  it('without a ground of their own are a hint only', () => {
    expect(toLook({ color: '#cd0000', isBold: true })).toEqual({
      class: ['ansi-bold', 'ansi-ink'],
      style: { '--ink': '#cd0000' },
    });
  });

  it('on a ground are readable on it', () => {
    expect(toLook({ background: '#ffff00' }).style).toEqual({ backgroundColor: '#ffff00', color: '#000000' });
    expect(readableOn('#0000ee')).toBe('#ffffff');
    expect(toLook({ color: '#ffff00', isInverse: true }).style).toEqual({
      backgroundColor: '#ffff00',
      color: '#000000',
    });
  });
});
