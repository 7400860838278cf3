import { emptyOutcome } from '../jobs/contract.ts';
import type { AttemptOutcome } from '../jobs/ports.ts';
import type { KindOutcome, StopCause } from '../kinds/ports.ts';
import type { ProgramEnd } from '../launcher/protocol.ts';
import type { FailureReason } from '../contract/states.ts';

interface Facts {
  stopped: StopCause | null;
  lostReason: string | null;
  end: ProgramEnd | null;
  result: Record<string, unknown> | null;
  now: Date;
  timeoutMs: number | null;
}

/**
 * What an attempt came to. A stop wins over what the kind says of it, unless the program ended well before the stop
 * reached it: then it did what it was asked to.
 */
export function toOutcome(said: KindOutcome, facts: Facts): AttemptOutcome {
  const { end, result } = facts;
  const base: AttemptOutcome = {
    state: said.state,
    reason: said.state === 'failed' ? said.reason : null,
    message: said.state === 'failed' ? said.message : null,
    exitCode: end ? end.exitCode : (said.exitCode ?? null),
    signal: end ? end.signal : said.state === 'failed' ? (said.signal ?? null) : null,
    endedAt: (end?.endedAt ?? facts.now).toISOString(),
    launchedAt: null,
    freeBeforeKib: null,
    freeAfterKib: null,
    cpuMs: end ? Math.round(end.cpuUserMs + end.cpuSystemMs) : null,
    maxRssBytes: end && end.maxRssBytes > 0 ? end.maxRssBytes : null,
    program: null,
    stdoutBytes: null,
    stderrBytes: null,
    verdict: said.verdict ?? null,
    ...(result ? { result } : {}),
  };
  if (facts.lostReason !== null)
    return { ...base, state: 'failed', reason: 'lost', message: facts.lostReason };
  if (facts.stopped === null || said.state === 'succeeded') return base;
  return { ...base, ...stopOutcome(facts.stopped, facts.timeoutMs), verdict: null };
}

/** Of an attempt whose program was not begun, because its worker had stood still for too long. */
export function released(now: Date): AttemptOutcome {
  const message = 'The worker stood still before the first instruction.';
  return emptyOutcome('released', { reason: null, message, endedAt: now.toISOString() });
}

function stopOutcome(
  cause: StopCause,
  timeoutMs: number | null,
): { state: AttemptOutcome['state']; reason: FailureReason | null; message: string } {
  switch (cause) {
    case 'cancelled':
      return { state: 'cancelled', reason: null, message: 'Cancelled while it ran.' };
    case 'timeout':
      return {
        state: 'failed',
        reason: 'timeout',
        message: `Ran longer than its limit of ${(timeoutMs ?? 0) / 1000} s.`,
      };
    case 'limit':
      return { state: 'failed', reason: 'limit', message: 'Printed more than it may.' };
    case 'expired':
      return { state: 'failed', reason: 'lost', message: 'The attempt was given up while it ran.' };
  }
}
