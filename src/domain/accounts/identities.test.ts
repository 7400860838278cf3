import { describe, expect, it } from 'vitest';
import { toUserName } from './identities.ts';

describe('the name of a new user', () => {
  it.each([
    ['ana.perez', 'ana.perez'],
    ['Ana.Pérez@example.com', 'Ana.Perez'],
    ['  .-x y', 'x-y'],
    ['山田', 'user'],
    ['', 'user'],
    ['@example.com', 'user'],
    ['a'.repeat(100), 'a'.repeat(63)],
  ])('of %j is %j', (suggested, name) => {
    expect(toUserName(suggested)).toBe(name);
    expect(name).toMatch(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/);
  });
});
