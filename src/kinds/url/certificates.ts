import type { DetailedPeerCertificate, TLSSocket } from 'node:tls';
import type { UrlCertificate } from './contract/url-test.ts';

/** A chain longer than this is somebody's joke. */
const mostCertificates = 10;

/** As far as the server sent it and the known authorities complete it; the server's own comes first. */
export function chainOf(socket: TLSSocket): UrlCertificate[] {
  const chain: UrlCertificate[] = [];
  let next: DetailedPeerCertificate | undefined = socket.getPeerCertificate(true);
  const seen = new Set<string>();
  while (next?.fingerprint256 && !seen.has(next.fingerprint256) && chain.length < mostCertificates) {
    seen.add(next.fingerprint256);
    chain.push(toCertificate(next));
    next = next.issuerCertificate;
  }
  return chain;
}

function toCertificate(one: DetailedPeerCertificate): UrlCertificate {
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
    sha256: one.fingerprint256.replaceAll(':', '').toLowerCase(),
  };
}

/** The common name, or whatever else there is. */
function nameOf(name: DetailedPeerCertificate['subject'] | undefined): string {
  const parts: Record<string, string | string[] | undefined> = { ...name };
  const best = parts['CN'] ?? parts['OU'] ?? parts['O'] ?? Object.values(parts)[0] ?? '';
  return String(best).replaceAll('\0', '');
}
