import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { machineMs } from '../lib/clock.ts';
import { leaseTimes } from '../lib/lease.ts';
import { isTooLate, ProgramFence } from './fence.ts';

const leaseMs = 60_000;
const { askAfterMs, killAfterMs, giveUpAfterMs } = leaseTimes(leaseMs);

let done: [string, number][];
let fence: ProgramFence;
let startMs: number;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'hrtime'] });
  done = [];
  startMs = machineMs();
  const note = (what: string): void => void done.push([what, Math.round(machineMs() - startMs)]);
  fence = new ProgramFence({ onAsk: () => note('ask'), onKill: () => note('kill') });
});
afterEach(() => vi.useRealTimers());

const confirm = (sentAfterMs: number): void => fence.confirm({ sentMs: startMs + sentAfterMs, leaseMs });

describe('a fence', () => {
  it('asks and kills at their times after the newest beat was sent, both before the attempt is given away', () => {
    confirm(0);
    vi.advanceTimersByTime(giveUpAfterMs);
    expect(done).toEqual([
      ['ask', askAfterMs],
      ['kill', killAfterMs],
    ]);
    expect(askAfterMs).toBeLessThan(killAfterMs);
    expect(killAfterMs).toBeLessThan(giveUpAfterMs);
  });

  it('counts from when a beat was sent: an answer that comes late does not prolong', () => {
    confirm(0);
    vi.advanceTimersByTime(askAfterMs - 1_000);
    confirm(5_000);
    vi.advanceTimersByTime(giveUpAfterMs);
    expect(done).toEqual([
      ['ask', 5_000 + askAfterMs],
      ['kill', 5_000 + killAfterMs],
    ]);
  });

  it('is not moved back by an older beat that comes later', () => {
    confirm(10_000);
    confirm(0);
    vi.advanceTimersByTime(10_000 + askAfterMs - 1);
    expect(done).toEqual([]);
  });

  it('does nothing for as long as beats come, and nothing once the program has ended', () => {
    for (let beat = 0; beat < 100; beat += 1) {
      confirm(beat * 10_000);
      vi.advanceTimersByTime(10_000);
    }
    fence.lift();
    confirm(1_000_000);
    vi.advanceTimersByTime(10 * leaseMs);
    expect(done).toEqual([]);
  });

  it('kills what it has asked, though a beat comes in between', () => {
    confirm(0);
    vi.advanceTimersByTime(askAfterMs);
    confirm(askAfterMs);
    vi.advanceTimersByTime(leaseMs);
    expect(done.map(([what]) => what)).toEqual(['ask', 'kill']);
  });

  it('is not prolonged by a beat that was sent after the time to ask: the machine was frozen', () => {
    confirm(0);
    // The beat is read before the timer that is due.
    confirm(askAfterMs);
    vi.advanceTimersByTime(leaseMs);
    expect(done[0]).toEqual(['ask', askAfterMs]);
  });

  it('lets nothing begin that it would end at once', () => {
    expect(isTooLate({ sentMs: startMs, leaseMs })).toBe(false);
    expect(isTooLate({ sentMs: startMs - askAfterMs, leaseMs })).toBe(true);
  });
});
