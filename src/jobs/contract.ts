import type { FailureReason } from '../contract/states.ts';
import type { AttemptOutcome } from './ports.ts';

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
    program: null,
    stdoutBytes: null,
    stderrBytes: null,
    verdict: null,
    ...details,
  };
}
