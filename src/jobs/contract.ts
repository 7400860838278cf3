import { constants } from 'node:os';
import type { AttemptState, FailureReason } from '../contract/states.ts';
import type { AttemptOutcome } from './ports.ts';

const signalNumbers = constants.signals;

/** An outcome of which nothing is known but how it ended. */
export function emptyOutcome(
  state: AttemptOutcome['state'],
  details: Partial<AttemptOutcome> & { endedAt: string; reason: FailureReason | null },
): AttemptOutcome {
  return {
    state,
    message: null,
    exitCode: null,
    signal: null,
    launchedAt: null,
    freeBeforeKib: null,
    freeAfterKib: null,
    cpuMs: null,
    maxRssBytes: null,
    readBytes: null,
    writtenBytes: null,
    program: null,
    stdoutBytes: null,
    stderrBytes: null,
    errorLine: null,
    verdict: null,
    ...details,
  };
}

/**
 * The exit code as a shell would report it (contract A): 128 + signal; 124 timed out, 143 cancelled, 137 lost. Null
 * while the attempt runs; every ended one has a code.
 */
export function toRetcode(attempt: {
  state: AttemptState;
  reason: FailureReason | null;
  exitCode: number | null;
  signal: string | null;
}): number | null {
  const { state, reason, exitCode, signal } = attempt;
  if (state === 'running' || state === 'released') return null;
  if (state === 'cancelled') return 143;
  if (reason === 'timeout') return 124;
  if (reason === 'lost') return 137;
  if (exitCode !== null) return exitCode;
  if (signal !== null) return 128 + (signalNumbers[signal as NodeJS.Signals] ?? 0);
  return state === 'failed' ? 126 : 0;
}
