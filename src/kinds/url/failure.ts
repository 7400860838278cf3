/** Why a test has no answer: a code for machines, a sentence for people, and two or three words for the verdict. */

export type FailurePhase = 'dns' | 'guard' | 'connect' | 'tls' | 'firstByte' | 'body' | 'redirect';

export class UrlFailure extends Error {
  readonly code: string;
  readonly phase: FailurePhase;
  /** For the verdict. */
  readonly short: string;
  /** Trying again at once can change nothing. */
  readonly isFinal: boolean;

  constructor(
    code: string,
    details: { phase: FailurePhase; message: string; short?: string; isFinal?: boolean; cause?: unknown },
  ) {
    super(details.message, { cause: details.cause });
    this.code = code;
    this.phase = details.phase;
    this.short = details.short ?? shortWords[code] ?? phaseWords[details.phase].short;
    this.isFinal = details.isFinal ?? false;
  }
}

const shortWords: Readonly<Record<string, string>> = {
  ENOTFOUND: 'name not found',
  EAI_AGAIN: 'name not resolved',
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset',
  EPIPE: 'connection reset',
  EHOSTUNREACH: 'host unreachable',
  ENETUNREACH: 'network unreachable',
  ETIMEDOUT: 'timed out',
  TIMEOUT: 'timed out',
  CERT_HAS_EXPIRED: 'certificate expired',
  CERT_NOT_YET_VALID: 'certificate not yet valid',
  ERR_TLS_CERT_ALTNAME_INVALID: 'certificate of another host',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'certificate self-signed',
  SELF_SIGNED_CERT_IN_CHAIN: 'certificate not trusted',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'certificate not trusted',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'certificate not trusted',
};

const phaseWords: Readonly<Record<FailurePhase, { short: string; during: string }>> = {
  dns: { short: 'name not resolved', during: 'while the name was resolved' },
  guard: { short: 'not allowed', during: 'before the connection' },
  connect: { short: 'no connection', during: 'while connecting' },
  tls: { short: 'no TLS', during: 'during the TLS handshake' },
  firstByte: { short: 'no valid answer', during: 'before the answer was there' },
  body: { short: 'answer broken off', during: 'in the middle of the body' },
  redirect: { short: 'redirect not followed', during: 'at a redirect' },
};

export function timedOut(phase: FailurePhase, limitMs: number): UrlFailure {
  return new UrlFailure('TIMEOUT', {
    phase,
    message: `Timed out ${phaseWords[phase].during}, after ${limitMs} ms.`,
  });
}

/** What a socket or parser said, with the phase it happened in. */
export function toUrlFailure(error: unknown, phase: FailurePhase): UrlFailure {
  if (error instanceof UrlFailure) return error;
  // What OpenSSL says is its reason alone; the message has places in its source around it.
  const {
    code = 'ERROR',
    message = String(error),
    reason = message,
  } = error as Partial<NodeJS.ErrnoException> & { reason?: string };
  return new UrlFailure(code, { phase, message: describe(code, reason, phase), cause: error });
}

function describe(code: string, message: string, phase: FailurePhase): string {
  // Older clients know this very text.
  if (phase === 'dns') return message;
  const { during } = phaseWords[phase];
  if (code === 'ECONNRESET' || code === 'EPIPE') return `The connection was reset ${during} (${code}).`;
  if (code.startsWith('HPE_')) return `The answer is no valid HTTP: ${message} (${code}).`;
  return `${message} (${during}).`;
}
