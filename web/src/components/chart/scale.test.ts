import { expect, it } from 'vitest';
import { labelStep, niceTicks } from './scale.ts';

it.each([
  [0, [0, 1]],
  [3, [0, 1, 2, 3]],
  [17, [0, 5, 10, 15, 20]],
  [980, [0, 500, 1000]],
])('%d is measured by round ticks', (max, ticks) => {
  expect(niceTicks(max, 4)).toEqual(ticks);
});

it('labels have room', () => {
  expect(labelStep(24, 1200, 50)).toBe(1);
  expect(labelStep(365, 1200, 50)).toBe(24);
});
