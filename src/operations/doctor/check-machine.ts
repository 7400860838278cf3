import { existsSync, realpathSync } from 'node:fs';
import type { Config } from '../../config/config.ts';
import type { Finding } from '../../contract/finding.ts';
import { delay } from '../../lib/delay.ts';
import { canReach } from '../../lib/file-access.ts';
import { findOpenScripts } from '../../machine/directories.ts';
import { resolveProgramAccount } from '../../machine/program-account.ts';
import { findingsOf, reasonOf } from './finding.ts';

const configuration = findingsOf('configuration');
const users = findingsOf('users');
const clock = findingsOf('clock');

/** Settings that work, and that somebody should have meant. */
export function checkConfiguration({ warnings, cautions, http, metrics }: Config): Finding[] {
  const { ok, warn } = configuration;
  const isOpen = !['127.0.0.1', '::1', 'localhost'].includes(http.host);
  const isHttps = http.publicUrl?.startsWith('https:') ?? false;
  const findings = warnings.map((warning) => warn(warning, 'Correct the name, or remove it.'));
  if (isOpen && !isHttps) {
    findings.push(
      warn(
        `The server listens on ${http.host} without https: passwords travel readable.`,
        'Put a reverse proxy with TLS in front and set DAYBOOK_PUBLIC_URL to its https address.',
      ),
    );
  }
  if (isOpen && metrics.isOpen) {
    findings.push(
      warn(
        'Whoever reaches the port can read /metrics.',
        'Unset DAYBOOK_METRICS_OPEN, and give Prometheus a token.',
      ),
    );
  }
  findings.push(...cautions.map(({ text, advice }) => warn(text, advice)));
  return findings.length > 0 ? findings : [ok('All settings are well formed.')];
}

/** Whom programs run as, and whether they get where they must. */
export function checkProgramAccount({ worker, data }: Config): Finding[] {
  try {
    const account = resolveProgramAccount(worker);
    const isRoot = process.getuid?.() === 0;
    const unreachable = [data.homeDirectory, data.scriptsDirectory].filter(
      // What programs could not reach in its usual place is a link there, which the server follows once, as itself.
      (path) => account.ids && existsSync(path) && !canReach(realpathSync(path), account.ids),
    );
    if (unreachable.length > 0) {
      return unreachable.map((path) =>
        users.bad(
          `Programs run as ${account.name}, who cannot reach ${path}.`,
          'Open the folders on the way (chmod o+x), or name another WORKER_USER.',
        ),
      );
    }
    const caution = existsSync(data.scriptsDirectory)
      ? findOpenScripts(data.scriptsDirectory, account)
      : null;
    if (caution) return [users.bad(caution.text, caution.advice)];
    if (isRoot && account.ids === null) {
      return [users.warn('Programs run as root.', 'Set WORKER_USER to an account of their own.')];
    }
    return [users.ok(`Programs run as ${account.name}.`)];
  } catch (error) {
    return [users.bad(reasonOf(error), 'The worker cannot start like this.')];
  }
}

const watchClockMs = 300;
const stepMs = 50;

/** Whether the clock is being moved just now: leases do not depend on it, but times of the diary do. */
export async function checkClock(): Promise<Finding[]> {
  const start = { wall: Date.now(), monotonic: performance.now() };
  await delay(watchClockMs);
  const drift = Date.now() - start.wall - (performance.now() - start.monotonic);
  if (Math.abs(drift) < stepMs) return [];
  return [
    clock.warn(
      `The clock moved by ${Math.round(drift)} ms within ${watchClockMs} ms.`,
      'See whether something sets it in steps; a synchronised clock is slewed.',
    ),
  ];
}
