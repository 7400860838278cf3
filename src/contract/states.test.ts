import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decideMoves,
  isEnded,
  isMoveAllowed,
  jobStates,
  observeMoves,
  statesBefore,
  type JobState,
} from './states.ts';

describe('the moves that are decided', () => {
  it('leave an end only by a retry of what failed or was cancelled', () => {
    const waysOut = jobStates.filter((state) => isEnded(state) && decideMoves[state].length > 0);
    expect(waysOut).toEqual(['failed', 'cancelled']);
    expect(decideMoves.failed).toEqual(['queued', 'waiting']);
    expect(decideMoves.cancelled).toEqual(['queued', 'waiting']);
  });

  it('come to running only from queued, so that everything runs by a claim', () => {
    expect(statesBefore(decideMoves, 'running')).toEqual(['queued']);
  });

  it('reach an end from every state that is not observed', () => {
    const live = jobStates.filter((state) => !isEnded(state) && state !== 'unknown');
    for (const state of live) expect(decideMoves[state].some((next) => isEnded(next))).toBe(true);
  });
});

describe('the moves that are observed', () => {
  it('never leave a known outcome, whatever comes in whatever order', () => {
    const follow = (seen: readonly JobState[]): { state: JobState; outcome: JobState | null } => {
      let state: JobState = 'unknown';
      let outcome: JobState | null = null;
      for (const next of seen) {
        if (isMoveAllowed(observeMoves, state, next)) state = next;
        if (outcome === null && ['succeeded', 'failed', 'cancelled'].includes(state)) outcome = state;
      }
      return { state, outcome };
    };
    expect(() =>
      fc.assert(
        fc.property(fc.array(fc.constantFrom(...jobStates), { maxLength: 30 }), (seen) => {
          const { state, outcome } = follow(seen);
          return outcome === null || state === outcome;
        }),
      ),
    ).not.toThrow();
  });
});
