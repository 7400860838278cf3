import { expect, it } from 'vitest';
import { csvLine } from './csv.ts';

it('separates by commas and ends with CR LF; nothing is an empty field', () => {
  expect(csvLine(['a', 1.5, true, null, ''])).toBe('a,1.5,true,,\r\n');
});

it.each([
  ['a,b', '"a,b"'],
  ['say "x"', '"say ""x"""'],
  ['two\nlines', '"two\nlines"'],
  ['üñ 漢', 'üñ 漢'],
])('writes %j as %j', (text, written) => {
  expect(csvLine([text])).toBe(`${written}\r\n`);
});

it.each([
  ['=1+1', "'=1+1"],
  ['+49 30', "'+49 30"],
  ['-rf', "'-rf"],
  ['@sum(a1)', "'@sum(a1)"],
  ['\t=1', "'\t=1"],
  ['=a,b', '"\'=a,b"'],
])('takes the power from the formula %j', (text, written) => {
  expect(csvLine([text])).toBe(`${written}\r\n`);
});

it('leaves negative numbers as numbers', () => {
  expect(csvLine([-5])).toBe('-5\r\n');
});
