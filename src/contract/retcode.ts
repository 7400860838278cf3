import type { AttemptState, FailureReason } from './states.ts';

/** In the order of their numbers on Linux (signal(7)), from 1. An unknown one counts as 0. */
const signals = [
  'SIGHUP',
  'SIGINT',
  'SIGQUIT',
  'SIGILL',
  'SIGTRAP',
  'SIGABRT',
  'SIGBUS',
  'SIGFPE',
  'SIGKILL',
  'SIGUSR1',
  'SIGSEGV',
  'SIGUSR2',
  'SIGPIPE',
  'SIGALRM',
  'SIGTERM',
  'SIGSTKFLT',
  'SIGCHLD',
  'SIGCONT',
  'SIGSTOP',
  'SIGTSTP',
  'SIGTTIN',
  'SIGTTOU',
  'SIGURG',
  'SIGXCPU',
  'SIGXFSZ',
  'SIGVTALRM',
  'SIGPROF',
  'SIGWINCH',
  'SIGIO',
  'SIGPWR',
  'SIGSYS',
];

/**
 * The exit code as a shell would report it (contract A): 128 + signal; 124 timed out, 143 cancelled, 137 lost. Null
 * while the attempt runs, and of one that ended elsewhere in a way nobody knows; every other has a code.
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
  if (signal !== null) return 128 + signals.indexOf(signal) + 1;
  if (state === 'finished') return null;
  return state === 'failed' ? 126 : 0;
}
