import { expect, it } from 'vitest';
import { parseRange } from './byte-range.ts';

it.each([
  ['bytes=0-0', { first: 0, last: 0 }],
  ['bytes=5-', { first: 5, last: 9 }],
  ['bytes=5-99', { first: 5, last: 9 }],
  ['bytes=-3', { first: 7, last: 9 }],
  ['bytes=-99', { first: 0, last: 9 }],
])('%s of ten bytes is a part', (header, range) => {
  expect(parseRange(header, 10)).toEqual(range);
});

it.each([undefined, '', 'bytes=-', 'bytes=3-2', 'bytes=0-1,4-5', 'lines=0-1', 'bytes=a-b', 'bytes=1e1-'])(
  '%s asks for no part that is given, so everything is',
  (header) => {
    expect(parseRange(header, 10)).toBeNull();
  },
);

it.each([
  ['bytes=10-', 10],
  ['bytes=-0', 10],
  ['bytes=0-', 0],
  ['bytes=-5', 0],
])('%s of %i bytes is not there', (header, size) => {
  expect(parseRange(header, size)).toBe('unsatisfiable');
});
