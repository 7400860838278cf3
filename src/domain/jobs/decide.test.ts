import { describe, expect, it } from 'vitest';
import { retryPolicy, type RetryPolicy } from '../../contract/job.ts';
import { emptyOutcome } from './ports.ts';
import { decideNext } from './decide.ts';
import type { AttemptOutcome } from './ports.ts';

const now = new Date('2026-03-01T12:00:00Z');
const endedAt = now.toISOString();

function decide(
  outcome: AttemptOutcome,
  retry: Partial<RetryPolicy>,
  tries = 1,
): ReturnType<typeof decideNext> {
  return decideNext({ outcome, retry: retryPolicy.parse(retry), tries, now, random: () => 1 });
}

const exit3 = emptyOutcome('failed', { reason: 'exit', exitCode: 3, endedAt });
const killed = emptyOutcome('failed', { reason: 'signal', signal: 'SIGKILL', endedAt });
const lost = emptyOutcome('failed', { reason: 'lost', endedAt });

describe('what follows from the end of an attempt', () => {
  it('is failure by default, since scripts are not idempotent', () => {
    expect(decide(exit3, {})).toEqual({ state: 'failed', runAt: null });
    expect(decide(lost, {})).toEqual({ state: 'failed', runAt: null });
  });

  it('is a pause that grows by the factor up to its maximum', () => {
    const retry = { attempts: 9, initialMs: 1_000, factor: 3, maxMs: 5_000 };
    const pauses = [1, 2, 3].map((tries) => {
      const next = decide(exit3, retry, tries);
      expect(next.state).toBe('scheduled');
      return Date.parse(next.runAt ?? '') - now.getTime();
    });
    expect(pauses).toEqual([1_000, 3_000, 5_000]);
  });

  it('is the queue at once when there is no pause, and failure after the last try', () => {
    expect(decide(exit3, { attempts: 2, initialMs: 0 })).toEqual({ state: 'queued', runAt: null });
    expect(decide(exit3, { attempts: 2, initialMs: 0 }, 2)).toEqual({ state: 'failed', runAt: null });
  });

  it('depends on the cause: only what the policy names is tried again', () => {
    const retry = { attempts: 3, initialMs: 0 };
    expect(decide(exit3, { ...retry, on: ['exit:75', 'lost'] }).state).toBe('failed');
    expect(decide(exit3, { ...retry, on: ['exit:3'] }).state).toBe('queued');
    expect(decide(killed, { ...retry, on: ['signal:SIGTERM'] }).state).toBe('failed');
    expect(decide(killed, { ...retry, on: ['signal:SIGKILL'] }).state).toBe('queued');
    expect(decide(lost, { ...retry, on: ['lost'] }).state).toBe('queued');
  });

  it('is never a retry after a success or a cancel, and always the queue after a release', () => {
    const retry = { attempts: 9, initialMs: 0 };
    expect(decide(emptyOutcome('succeeded', { reason: null, endedAt }), retry).state).toBe('succeeded');
    expect(decide(emptyOutcome('cancelled', { reason: null, endedAt }), retry).state).toBe('cancelled');
    expect(decide(emptyOutcome('released', { reason: null, endedAt }), {}, 0).state).toBe('queued');
  });
});
