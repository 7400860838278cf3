import type { ErrorDetail } from '../../contract/errors.ts';
import { can } from '../../contract/permissions.ts';
import type { RunOptions } from '../../contract/run-options.ts';
import type { SubmitRequest } from './submit-ports.ts';

/**
 * The variables of a submit that its setting does not allow. Many programs take code, libraries or other programs from
 * their environment (`BASH_ENV`, `PERL5OPT`, `NODE_OPTIONS`, `LD_PRELOAD`, `PATH`, …), so whoever sets any variable runs
 * anything, though only scripts of the scripts directory may be named. New ones appear with each program, hence a list of
 * what is allowed. Whoever may write scripts decides what runs anyway, as far as the token they came with reaches.
 */
export function refuseVariables(
  run: RunOptions | null,
  { actor, scopes = ['all'] }: Pick<SubmitRequest, 'actor' | 'scopes'>,
  allowed: readonly string[],
): ErrorDetail[] {
  const names = Object.keys(run?.env ?? {}).filter((name) => !allowed.some((one) => matches(one, name)));
  if (names.length === 0) return [];
  if (can({ actor, scopes, via: 'session', credentialId: null }, 'scripts.change')) return [];
  const expected = allowed.length === 0 ? 'no variable is allowed' : `expected one of ${allowed.join(', ')}`;
  return names.map((name) => ({
    field: `env.${name}`,
    message:
      `${expected}, got ${name}. Hand the value over as an argument or by standard input, or ask whoever runs the ` +
      'server to add it to DAYBOOK_JOB_VARIABLES',
  }));
}

/** @param pattern a name, one that ends or begins with `*`, or `*` */
function matches(pattern: string, name: string): boolean {
  if (pattern === '*') return true;
  if (pattern.endsWith('*')) return name.startsWith(pattern.slice(0, -1));
  if (pattern.startsWith('*')) return name.endsWith(pattern.slice(1));
  return pattern === name;
}
