import { expect, it } from 'vitest';
import { cleanText } from './clean-text.ts';

it.each([
  ['a\nb', 'a b'],
  ['a\u001b[31mred', 'a\u241b[31mred'],
  ['report\u202Efdp.exe', 'report\uFFFDfdp.exe'],
  ['a\u2066b\u2069', 'a\uFFFDb\uFFFD'],
  ['שלום e\u0301', 'שלום e\u0301'],
])('%j is shown as %j', (text, shown) => {
  expect(cleanText(text)).toBe(shown);
});
