import { describe, expect, it } from 'vitest';
import { parseJson, toDouble } from './whole-numbers.ts';

describe('JSON with whole numbers that a double cannot hold', () => {
  it.each([
    '{"k":12345678901234567890}',
    '[-12345678901234567891,[{"a":{"b":9007199254740993}}]]',
    '9007199254740992000000',
  ])('%s is written as it was read', (text) => {
    expect(JSON.stringify(parseJson(text))).toBe(text);
  });

  it('leaves every other number one', () => {
    expect(parseJson('[1,9007199254740991,1.2345678901234567,1e30,"12345678901234567890"]')).toEqual([
      1,
      9007199254740991,
      1.2345678901234567,
      1e30,
      '12345678901234567890',
    ]);
  });

  it('gives the double where a measured value is wanted', () => {
    expect(toDouble(parseJson('12345678901234567890'))).toBe(Number('12345678901234567890'));
    expect(toDouble(1.5)).toBe(1.5);
  });
});
