import { expect, it } from 'vitest';
import { decodeName, encodeName } from './names.ts';

it.each([
  ['plain.txt', Buffer.from('plain.txt')],
  ['ü 😀\n', Buffer.from('ü 😀\n')],
  ['latin%E9.txt', Buffer.from('latin\xe9.txt', 'latin1')],
  ['100%25', Buffer.from('100%')],
  ['%25E9%E9', Buffer.from('%E9\xe9', 'latin1')],
  ['%C3', Buffer.from([0xc3])],
  ['%F0%9F%98ü', Buffer.concat([Buffer.from([0xf0, 0x9f, 0x98]), Buffer.from('ü')])],
  ['%ED%A0%80', Buffer.from([0xed, 0xa0, 0x80])],
])('%s is the name of these bytes, both ways', (text, bytes) => {
  expect(encodeName(bytes)).toBe(text);
  expect(decodeName(text)).toEqual(bytes);
});
