import { expect, it } from 'vitest';
import { parseJson } from '../../../src/contract/whole-numbers.ts';
import { toJsonText } from './json-text.ts';

it('shows what JSON says, whole numbers of any length included', () => {
  const text = '{"k":12345678901234567890,"list":[1,-98765432109876543210,null,"a\\"b"],"x":1.5,"y":true}';
  expect(toJsonText(parseJson(text, BigInt))).toBe(text);
  expect(toJsonText(undefined)).toBe('–');
});
