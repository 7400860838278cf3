import { expect, it } from 'vitest';
import { createMask } from './mask-values.ts';

it('hides texts in every string of a value, names included, each by as many stars as it has bytes', () => {
  const mask = createMask(['secret-ü', 'ü-two']);
  expect(mask({ a: ['x secret-ü y', 1, null, true], 'secret-ü': { b: 'ü-two' }, c: undefined })).toEqual({
    a: ['x ********* y', 1, null, true],
    '*********': { b: '******' },
    c: undefined,
  });
  expect(mask('secret-ü-two')).toBe('*************');
});

it('leaves a value as it is where there is nothing to hide', () => {
  const value = { a: ['b'] };
  expect(createMask([])(value)).toBe(value);
  expect(createMask(['secret-1'])(value)).toEqual(value);
});
