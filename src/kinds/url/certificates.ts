import { X509Certificate } from 'node:crypto';
import { getCACertificates, type DetailedPeerCertificate, type TLSSocket } from 'node:tls';
import type { UrlCertificate } from './contract/url-test.ts';

/** A chain longer than this is somebody's joke. */
const mostCertificates = 10;

/**
 * As far as the server sent it and the known authorities complete it; the server's own comes first. The path that was
 * verified ends below the first trusted authority: how long that is valid is no part of the verification (RFC 5280,
 * 6.1), nor is what else was sent.
 * @param authorities whom the connection trusted; null: those of Node
 */
export function chainOf(socket: TLSSocket, authorities: readonly string[] | null): UrlCertificate[] {
  const chain: DetailedPeerCertificate[] = [];
  let next: DetailedPeerCertificate | undefined = socket.getPeerCertificate(true);
  const seen = new Set<string>();
  while (next?.fingerprint256 && !seen.has(next.fingerprint256) && chain.length < mostCertificates) {
    seen.add(next.fingerprint256);
    chain.push(next);
    next = next.issuerCertificate;
  }
  const length = socket.authorized ? verifiedLength(chain, trusted(authorities)) : chain.length;
  return chain.map((one, index) => toCertificate(one, index < length));
}

/** How many of them were verified: up to the first that a trusted authority issued. */
function verifiedLength(chain: readonly DetailedPeerCertificate[], roots: TrustedRoots): number {
  const last = chain.findIndex(({ raw }) => {
    const one = new X509Certificate(raw);
    return (
      roots.get(one.issuer)?.some((root) => one.checkIssued(root) && one.verify(root.publicKey)) ?? false
    );
  });
  return last < 0 ? chain.length : last + 1;
}

/** By their subjects, of which several may have the same. */
type TrustedRoots = ReadonlyMap<string, X509Certificate[]>;

let ofNode: TrustedRoots | undefined;

function trusted(authorities: readonly string[] | null): TrustedRoots {
  return authorities ? bySubject(authorities) : (ofNode ??= bySubject(getCACertificates('default')));
}

function bySubject(certificates: readonly string[]): TrustedRoots {
  return Map.groupBy(
    certificates.map((text) => new X509Certificate(text)),
    ({ subject }) => subject,
  );
}

function toCertificate(one: DetailedPeerCertificate, isVerified: boolean): UrlCertificate {
  const until = new Date(one.valid_to);
  return {
    subject: nameOf(one.subject),
    issuer: nameOf(one.issuer),
    validFrom: new Date(one.valid_from).toISOString(),
    validTo: until.toISOString(),
    daysLeft: Math.floor((until.getTime() - Date.now()) / 86_400_000),
    names: (one.subjectaltname ?? '')
      .split(', ')
      .filter((name) => name !== '')
      .slice(0, 100),
    isVerified,
    sha256: one.fingerprint256.replaceAll(':', '').toLowerCase(),
  };
}

/** The common name, or whatever else there is. */
function nameOf(name: DetailedPeerCertificate['subject'] | undefined): string {
  const parts: Record<string, string | string[] | undefined> = { ...name };
  const best = parts['CN'] ?? parts['OU'] ?? parts['O'] ?? Object.values(parts)[0] ?? '';
  return String(best).replaceAll('\0', '');
}
