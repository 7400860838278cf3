import type { RetryPolicy } from '../../contract/job.ts';
import { backoffMs } from '../../lib/backoff.ts';
import { familyOf } from './failure.ts';
import type { AttemptOutcome, EndedAttempt, Finish } from './ports.ts';

export interface DecideInput {
  outcome: AttemptOutcome;
  retry: RetryPolicy;
  /** Tries so far, this one included. */
  tries: number;
  now: Date;
  random?: () => number;
}

/** The end of an attempt with all that follows from it. */
export function toFinish({ attempt, outcome, capsule = null, actor }: EndedAttempt, now: Date): Finish {
  const { jobId, number, token, retry, tries } = attempt;
  const next = decideNext({ outcome, retry, tries, now });
  return { jobId, number, token, outcome, next, family: familyOf(outcome), capsule, actor };
}

/** What the end of an attempt means for its job. */
export function decideNext({ outcome, retry, tries, now, random }: DecideInput): Finish['next'] {
  switch (outcome.state) {
    case 'succeeded':
    case 'cancelled':
    case 'finished':
      return { state: outcome.state, runAt: null };
    case 'released':
      return { state: 'queued', runAt: null };
    case 'failed': {
      if (tries >= retry.attempts || !isRetried(outcome, retry)) return { state: 'failed', runAt: null };
      const pauseMs = backoffMs(tries, retry, random);
      if (pauseMs === 0) return { state: 'queued', runAt: null };
      return { state: 'scheduled', runAt: new Date(now.getTime() + pauseMs).toISOString() };
    }
  }
}

function isRetried(outcome: AttemptOutcome, retry: RetryPolicy): boolean {
  const causes = [outcome.reason, `exit:${outcome.exitCode}`, `signal:${outcome.signal}`];
  return retry.on.some((cause) => causes.includes(cause));
}
