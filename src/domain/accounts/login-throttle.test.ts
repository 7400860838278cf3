import { beforeEach, describe, expect, it } from 'vitest';
import { LoginThrottle, toAddressKey } from './login-throttle.ts';

let nowMs = 0;

function createThrottle(maxKeys = 100): LoginThrottle {
  return new LoginThrottle({
    freeFailures: 3,
    initialDelayMs: 1_000,
    maxDelayMs: 8_000,
    forgetMs: 60_000,
    maxKeys,
    clock: { monotonicMs: () => nowMs },
  });
}

beforeEach(() => {
  nowMs = 1_000_000;
});

describe('LoginThrottle', () => {
  it('lets a few failures pass, then doubles the delay up to the greatest', () => {
    const throttle = createThrottle();
    const waits = Array.from({ length: 8 }, () => {
      throttle.fail('ana');
      return throttle.waitMs('ana');
    });
    expect(waits).toEqual([0, 0, 1_000, 2_000, 4_000, 8_000, 8_000, 8_000]);
    expect(throttle.waitMs('bob')).toBe(0);
  });

  it('lets the key try again when its delay is over, and forgets it after a quiet time', () => {
    const throttle = createThrottle();
    for (let failure = 0; failure < 5; failure += 1) throttle.fail('ana');
    nowMs += 4_000;
    expect(throttle.waitMs('ana')).toBe(0);
    nowMs += 60_000;
    throttle.fail('ana');
    expect(throttle.waitMs('ana')).toBe(0);
  });

  it('starts afresh after a success, and takes one failure back when asked', () => {
    const throttle = createThrottle();
    for (let failure = 0; failure < 3; failure += 1) throttle.fail('ana');
    throttle.undo('ana');
    expect(throttle.waitMs('ana')).toBe(0);
    throttle.fail('ana');
    expect(throttle.waitMs('ana')).toBe(1_000);
    throttle.clear('ana');
    expect(throttle.waitMs('ana')).toBe(0);
  });

  it('remembers a bounded number of keys and drops the one that failed longest ago', () => {
    const throttle = createThrottle(2);
    for (let failure = 0; failure < 3; failure += 1) for (const key of ['a', 'b']) throttle.fail(key);
    throttle.fail('c');
    expect(throttle.waitMs('a')).toBe(0);
    expect(throttle.waitMs('b')).toBe(1_000);
  });
});

describe('toAddressKey', () => {
  it.each([
    ['10.0.0.7', '10.0.0.7'],
    ['::ffff:10.0.0.7', '10.0.0.7'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
    ['2001:db8:1:2::9', '2001:db8:1:2'],
    ['2001:db8::9', '2001:db8:0:0'],
    ['::1', '0:0:0:0'],
  ])('puts %s under %s', (address, key) => {
    expect(toAddressKey(address)).toBe(key);
  });
});
