import { expect, it } from 'vitest';
import { fits } from './use-palette.ts';

it.each([
  ['', true],
  ['queues', true],
  ['wor', true],
  ['w q', true],
  ['orkers', false],
  ['queues x', false],
])('"Queues & workers" for %j: %s', (typed, isFit) => {
  expect(fits('Queues & workers', typed)).toBe(isFit);
});
