import { X509Certificate } from 'node:crypto';
import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import type { Config } from '../../config/config.ts';
import type { Finding } from '../../contract/finding.ts';
import { delay } from '../../lib/delay.ts';
import { canReach } from '../../lib/file-access.ts';
import { findOpenScripts, findUnreachable } from '../../machine/directories.ts';
import { accountsOf, resolveProgramAccount, type ProgramAccount } from '../../machine/program-account.ts';
import { findClosedHome } from '../../machine/shared-home.ts';
import { findingsOf, reasonOf } from './finding.ts';

const configuration = findingsOf('configuration');
const users = findingsOf('users');
const clock = findingsOf('clock');
const certificate = findingsOf('certificate');

const soonDays = 14;

/** Settings that work, and that somebody should have meant. */
export function checkConfiguration({ warnings, cautions, http, ftp, metrics }: Config): Finding[] {
  const { ok, warn } = configuration;
  const isOpen = isReachable(http.host);
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
  if (ftp.port !== 'off' && isReachable(ftp.host) && !ftp.requiresTls) {
    findings.push(
      warn(
        `FTP listens on ${ftp.host} and takes passwords in clear.`,
        'Set DAYBOOK_TLS_CERT, DAYBOOK_TLS_KEY and DAYBOOK_FTP_TLS_REQUIRED=1, DAYBOOK_FTP_HOST=127.0.0.1, or DAYBOOK_FTP_PORT=off.',
      ),
    );
  }
  findings.push(...cautions.map(({ text, advice }) => warn(text, advice)));
  return findings.length > 0 ? findings : [ok('All settings are well formed.')];
}

/** From other machines. */
function isReachable(host: string): boolean {
  return !['127.0.0.1', '::1', 'localhost'].includes(host);
}

/** Whether TLS can begin with the files that there are, and for how long. */
export function checkCertificate({ tls }: Config): Finding[] {
  if (!tls) return [];
  const { ok, warn, bad } = certificate;
  try {
    const [cert, key] = [readFileSync(tls.certificateFile), readFileSync(tls.keyFile)];
    createSecureContext({ cert, key });
    const { validTo, subject } = new X509Certificate(cert);
    const days = Math.floor((Date.parse(validTo) - Date.now()) / 86_400_000);
    const text = `The certificate of ${subject.replaceAll('\n', ', ')} holds until ${validTo}`;
    if (days < 0) return [bad(`${text}: it has expired.`, 'Renew it; no restart is needed.')];
    if (days < soonDays) return [warn(`${text}: ${days} days.`, 'Renew it in time; no restart is needed.')];
    return [ok(`${text}.`)];
  } catch (error) {
    return [
      bad(
        `The certificate ${tls.certificateFile} and its key ${tls.keyFile} cannot be used: ${reasonOf(error)}`,
        'Set DAYBOOK_TLS_CERT and DAYBOOK_TLS_KEY to a certificate and its key in PEM.',
      ),
    ];
  }
}

/** Whom programs run as, and whether they get where they must. */
export function checkProgramAccount({ worker, data }: Config): Finding[] {
  try {
    const account = resolveProgramAccount(worker);
    const unreachable = [data.homeDirectory, data.scriptsDirectory].flatMap((path) => {
      // What programs could not reach in its usual place is a link there, which the server follows once, as itself.
      const problem = existsSync(path) ? findUnreachable(realpathSync(path), account) : null;
      return problem ? [users.bad(problem.text, problem.advice)] : [];
    });
    if (unreachable.length > 0) return unreachable;
    const caution = existsSync(data.scriptsDirectory)
      ? findOpenScripts(data.scriptsDirectory, account)
      : null;
    if (caution) return [users.bad(caution.text, caution.advice)];
    return [
      checkOwners(account, worker),
      ...checkHome(data.homeDirectory, account),
      ...checkCopies([worker.stdoutCopiesDirectory, worker.stderrCopiesDirectory], account),
    ];
  } catch (error) {
    return [users.bad(reasonOf(error), 'The worker cannot start like this.')];
  }
}

/** Whether programs of different owners are kept apart; where they are not, it should have been meant. */
function checkOwners({ ids, ownerIds, promise }: ProgramAccount, worker: Config['worker']): Finding {
  if (process.getuid?.() !== 0 || ownerIds) return users.ok(promise);
  if (!ids) return users.warn(promise, 'Set WORKER_USER to an account of their own.');
  if (worker.ownerIds === 'off') return users.ok(promise);
  return users.warn(
    promise,
    'Start Daybook where those numbers can be used, or give each group of people a worker of its own; where it does not matter, say DAYBOOK_OWNER_IDS=off.',
  );
}

function checkHome(home: string, account: ProgramAccount): Finding[] {
  const caution = existsSync(home) ? findClosedHome(realpathSync(home), account) : null;
  return caution ? [users.warn(caution.text, caution.advice)] : [];
}

/** Copies of outputs are for whom an operator lets in. */
function checkCopies(directories: readonly (string | undefined)[], account: ProgramAccount): Finding[] {
  const [, ofOwner] = accountsOf(account);
  return [...new Set(directories)].flatMap((path) =>
    ofOwner && path !== undefined && existsSync(path) && canReach(realpathSync(path), ofOwner)
      ? [
          users.ok(
            `Programs of all owners can read the copies of outputs in ${path}; where that is not meant: chmod o-rx ${path}`,
          ),
        ]
      : [],
  );
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
