import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { backoffMs } from './backoff.ts';

const policy = fc.record({
  initialMs: fc.integer({ min: 0, max: 86_400_000 }),
  factor: fc.double({ min: 1, max: 10, noNaN: true }),
  maxMs: fc.integer({ min: 0, max: 604_800_000 }),
});
const chance = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

describe('the pause before another try', () => {
  it('lies between half and the whole of the exponential one, and never above the longest', () => {
    expect(() =>
      fc.assert(
        fc.property(policy, fc.integer({ min: 0, max: 1_000 }), chance, (given, tries, random) => {
          const pause = backoffMs(tries, given, () => random);
          const whole =
            given.initialMs === 0
              ? 0
              : Math.min(given.maxMs, given.initialMs * given.factor ** Math.max(0, tries - 1));
          return Number.isInteger(pause) && pause >= Math.floor(whole / 2) && pause <= Math.ceil(whole);
        }),
      ),
    ).not.toThrow();
  });

  it('never shrinks from one try to the next, chance left aside', () => {
    expect(() =>
      fc.assert(
        fc.property(policy, fc.integer({ min: 1, max: 200 }), chance, (given, tries, random) => {
          const at = (count: number): number => backoffMs(count, given, () => random);
          return at(tries + 1) >= at(tries);
        }),
      ),
    ).not.toThrow();
  });
});
