import { beforeEach, describe, expect, it } from 'vitest';
import { SettledClock } from './settled-clock.ts';

const hour = 3_600_000;
let wallMs: number;
let monotonicMs: number;
const clock = { now: () => new Date(wallMs), monotonicMs: () => monotonicMs };
const pass = (ms: number): void => {
  wallMs += ms;
  monotonicMs += ms;
};

beforeEach(() => {
  wallMs = Date.parse('2026-11-30T12:00:00Z');
  monotonicMs = 5_000;
});

describe('a clock', () => {
  it('that passes may be relied on at once, also after a night in which nothing was written', () => {
    const settled = new SettledClock(clock, new Date(wallMs - 12 * hour));
    expect(settled.heldMs()).toBe(0);
    pass(200 * hour);
    expect(settled.heldMs()).toBe(0);
    expect(new SettledClock(clock, null).heldMs()).toBe(0);
  });

  it('that stands days ahead of everything written has to hold for an hour', () => {
    const settled = new SettledClock(clock, new Date(wallMs - 72 * hour));
    expect(settled.heldMs()).toBe(hour);
    pass(0.75 * hour);
    expect(settled.heldMs()).toBe(0.25 * hour);
    pass(0.25 * hour);
    expect(settled.heldMs()).toBe(0);
  });

  it('that is put forward has to hold for an hour, also when it is put forward again', () => {
    const settled = new SettledClock(clock, null);
    wallMs += 72 * hour;
    expect(settled.heldMs()).toBe(hour);
    pass(hour / 2);
    wallMs += 72 * hour;
    expect(settled.heldMs()).toBe(hour);
    pass(hour);
    expect(settled.heldMs()).toBe(0);
  });

  it('that is put back may be relied on: by it everything is younger', () => {
    const settled = new SettledClock(clock, null);
    wallMs -= 72 * hour;
    expect(settled.heldMs()).toBe(0);
  });
});
