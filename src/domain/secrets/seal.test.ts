import { randomBytes } from 'node:crypto';
import { expect, it } from 'vitest';
import { isSealedWith, seal, unseal } from './seal.ts';

const key = randomBytes(32);

it('what was sealed is opened with the same key and name', () => {
  const sealed = seal('grün \n text', 'a', key);
  expect(unseal(sealed, 'a', key)).toBe('grün \n text');
  expect(sealed.includes('text')).toBe(false);
});

it('the same text is never sealed the same', () => {
  expect(seal('text', 'a', key).equals(seal('text', 'a', key))).toBe(false);
});

it('another key, another name or a changed byte opens nothing', () => {
  const sealed = seal('text', 'a', key);
  expect(unseal(sealed, 'a', randomBytes(32))).toBeNull();
  expect(unseal(sealed, 'b', key)).toBeNull();
  const damaged = Buffer.from(sealed);
  damaged.writeUInt8(damaged.readUInt8(damaged.length - 1) ^ 1, damaged.length - 1);
  expect(unseal(damaged, 'a', key)).toBeNull();
  expect(unseal(Buffer.from('x'), 'a', key)).toBeNull();
});

it('says which key it was sealed with, without opening it', () => {
  const sealed = seal('text', 'a', key);
  expect([isSealedWith(sealed, key), isSealedWith(sealed, randomBytes(32))]).toEqual([true, false]);
});
