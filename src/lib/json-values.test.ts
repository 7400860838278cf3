import { expect, it } from 'vitest';
import { hasMoreValues } from './json-values.ts';

it.each([
  ['[]', 1, false],
  ['[1,2,3]', 3, false],
  ['[1,2,3,4]', 3, true],
  ['{"a":1,"b":{"c":2,"d":[3,4]}}', 3, true],
  ['["a,b,c,d,e", "\\",,,,", "\\\\"]', 3, false],
  ['["a,b,c,d,e", "\\",,,,", "\\\\",4]', 3, true],
  ['"never closed,,,,,,', 3, false],
  ['', 1, false],
])('%s has more than %i values: %s', (text, most, expected) => {
  expect(hasMoreValues(text, most)).toBe(expected);
});

it('passes over a text of backslashes and quotation marks in a time that its length says', () => {
  const text = JSON.stringify('\\"'.repeat(1_000_000));
  expect(hasMoreValues(`[${text},${text}]`, 2)).toBe(false);
});
