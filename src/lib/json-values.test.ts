import { expect, it } from 'vitest';
import { hasMoreValues, isNestedTooDeeply, mostLevels } from './json-values.ts';

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

const nested = (levels: number): string => `${'[{"a":'.repeat(levels / 2)}1${'}]'.repeat(levels / 2)}`;

it.each([
  ['as deep as may be', nested(mostLevels), false],
  ['deeper', nested(mostLevels + 2), true],
  ['deeper, and never closed', '['.repeat(mostLevels + 1), true],
  ['wide', `[${'[],'.repeat(1_000)}[]]`, false],
  ['a text of brackets', JSON.stringify('\\"[['.repeat(100)), false],
  ['nothing', '', false],
])('%s', (_name, text, expected) => {
  expect(isNestedTooDeeply(text)).toBe(expected);
});
