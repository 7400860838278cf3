import { expect, it } from 'vitest';
import { size } from './size.ts';

it.each([
  [0, '0 B'],
  [812, '812 B'],
  [1536, '1.5 KiB'],
  [200 * 1024 * 1024, '200 MiB'],
  [23.4 * 1024 ** 3, '23.4 GiB'],
])('writes %d bytes as %s', (bytes, text) => {
  expect(size(bytes)).toBe(text);
});
