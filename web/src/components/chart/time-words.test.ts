import { expect, it } from 'vitest';
import { binTitles, usedBins } from './time-words.ts';

it('names bins by their edges', () => {
  expect(binTitles([100, 3_600_000])).toEqual(['under 0.1 s', '0.1 s – 1 h', '1 h and longer']);
});

it('leaves out the bins at both ends in which nothing is', () => {
  const group = (bins: number[]): never =>
    ({ name: 'a', isRest: false, jobs: 1, medianMs: 1, p95Ms: 1, bins }) as never;
  expect(usedBins([group([0, 1, 0, 0, 0]), group([0, 0, 0, 2, 0])])).toEqual({ first: 1, last: 3 });
  expect(usedBins([])).toEqual({ first: 0, last: -1 });
});
