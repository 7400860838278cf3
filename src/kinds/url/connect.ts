/** From a host to a connection: resolve, guard, connect to that very address, TLS. */
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls, rootCertificates, type TLSSocket } from 'node:tls';
import type { Role } from '../../contract/actor.ts';
import type { UrlHop, UrlTimeouts } from './contract/url-test.ts';
import { chainOf } from './certificates.ts';
import { toUrlFailure, UrlFailure } from './failure.ts';
import type { Guard } from './guard.ts';
import { literalAddress, type Family, type ResolvedAddress, type Resolver } from './resolve.ts';
import type { TryClock } from './try-clock.ts';

export interface ConnectOptions {
  resolve: Resolver;
  guard: Guard;
  /** Of who submitted; null when nobody is known. */
  role: Role | null;
  family: Family | null;
  timeouts: UrlTimeouts;
  verifyCertificate: boolean;
  httpVersion: 'auto' | '1.1' | '2';
  /** Certificates of authorities besides the ones Node knows. */
  authorities?: readonly string[];
  clock: TryClock;
}

/** An open connection, and what will be spoken over it. The caller destroys it. Fills in what `hop` tells of it. */
export async function openConnection(
  url: URL,
  hop: UrlHop,
  options: ConnectOptions,
): Promise<{ socket: Socket; isHttp2: boolean }> {
  const tcp = await connectToOneOf(await resolveHost(url, hop, options), url, hop, options);
  if (url.protocol !== 'https:') return { socket: tcp, isHttp2: false };
  try {
    const socket = await secure(tcp, url, hop, options);
    return { socket, isHttp2: socket.alpnProtocol === 'h2' };
  } catch (error) {
    tcp.destroy();
    throw toUrlFailure(error, 'tls');
  }
}

async function resolveHost(
  { hostname }: URL,
  hop: UrlHop,
  { resolve, family, timeouts, clock }: ConnectOptions,
): Promise<ResolvedAddress[]> {
  const literal = literalAddress(hostname);
  if (literal) {
    if (family === null || family === literal.family) return [literal];
    throw noAddress(
      family,
      `${literal.address} is an IPv${literal.family} address; the test is to go over IPv${family}.`,
      true,
    );
  }
  const found = await clock
    .phase('dns', { times: hop.phases, limitMs: timeouts.dnsMs }, () => resolve(hostname, family))
    .catch((error: unknown): ResolvedAddress[] => {
      // A resolver says the same of a name that is unknown and of one without addresses of this family.
      if (family !== null && error instanceof UrlFailure && noAddressCodes.has(error.code)) return [];
      throw error;
    });
  if (found.length > 0) return found;
  throw noAddress(family, `${hostname} has no${family === null ? '' : ` IPv${family}`} address.`);
}

const noAddressCodes: ReadonlySet<string> = new Set(['ENOTFOUND', 'ENODATA', 'EAI_ADDRFAMILY']);

function noAddress(family: Family | null, message: string, isFinal = false): UrlFailure {
  return new UrlFailure('ENOTFOUND', {
    phase: 'dns',
    message,
    isFinal,
    ...(family === null ? {} : { short: `no IPv${family} address` }),
  });
}

/** One address at a time, in the order they were given; the first that is allowed and answers is taken. */
async function connectToOneOf(
  addresses: readonly ResolvedAddress[],
  url: URL,
  hop: UrlHop,
  { guard, role, timeouts, clock }: ConnectOptions,
): Promise<Socket> {
  const port = url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port);
  const place = literalAddress(url.hostname) ? '' : `The name ${url.hostname} leads there. `;
  let failure: UrlFailure | null = null;
  for (const { address } of addresses) {
    const { isAllowed, reason } = guard(address, role);
    hop.address = address;
    hop.decision = isAllowed ? reason : `refused: ${reason}`;
    if (!isAllowed) {
      failure ??= new UrlFailure('REFUSED_ADDRESS', {
        phase: 'guard',
        message: `Tests may not reach ${address}: it is ${reason}. ${place}An administrator can allow it in DAYBOOK_URL_ALLOW.`,
        isFinal: true,
      });
      continue;
    }
    try {
      return await connectOne(address, port, hop, { limitMs: timeouts.connectMs, clock });
    } catch (error) {
      if (clock.isOver) throw error;
      failure = toUrlFailure(error, 'connect');
    }
  }
  throw failure ?? new UrlFailure('ENOTFOUND', { phase: 'dns', message: `${url.hostname} has no address.` });
}

async function connectOne(
  host: string,
  port: number,
  hop: UrlHop,
  { limitMs, clock }: { limitMs: number; clock: TryClock },
): Promise<Socket> {
  const socket = connectTcp({ host, port, noDelay: true });
  // Errors after the connection belong to whoever uses it then.
  socket.on('error', () => {});
  try {
    await clock.phase('connect', { times: hop.phases, limitMs }, () => settled(socket, 'connect'));
    return socket;
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

async function secure(
  tcp: Socket,
  { hostname }: URL,
  hop: UrlHop,
  { timeouts, verifyCertificate, httpVersion, authorities, clock }: ConnectOptions,
): Promise<TLSSocket> {
  const isAddress = literalAddress(hostname) !== null;
  // The server name has no final dot (RFC 6066, 3), and certificates stand for names without one.
  const host = hostname.replace(/^\[|\]$|\.$/g, '');
  const socket = connectTls({
    socket: tcp,
    // What is wrong with a certificate is told with the chain at hand; nothing is sent before it is judged below.
    rejectUnauthorized: false,
    host,
    ...(isAddress ? {} : { servername: host }),
    ...(authorities ? { ca: [...rootCertificates, ...authorities] } : {}),
    ALPNProtocols: { auto: ['h2', 'http/1.1'], '1.1': ['http/1.1'], '2': ['h2'] }[httpVersion],
  });
  socket.on('error', () => {});
  await clock
    .phase('tls', { times: hop.phases, limitMs: timeouts.tlsMs }, () => settled(socket, 'secureConnect'))
    .catch((error: unknown) => {
      const { code } = error as NodeJS.ErrnoException;
      throw code === 'ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL' ? noHttp2() : error;
    });
  hop.tls = [socket.getProtocol(), socket.getCipher().standardName].join(', ');
  hop.certificates = chainOf(socket, authorities ? [...rootCertificates, ...authorities] : null);
  if (!socket.authorized) {
    const code = String(socket.authorizationError);
    hop.certificateProblem = certificateWords[code] ?? code;
    if (verifyCertificate) {
      throw new UrlFailure(code, { phase: 'tls', message: `${hop.certificateProblem} (${code}).` });
    }
  }
  if (httpVersion === '2' && socket.alpnProtocol !== 'h2') throw noHttp2();
  return socket;
}

/** Some servers end the handshake over it, others go on without a word. */
function noHttp2(): UrlFailure {
  return new UrlFailure('NO_HTTP2', { phase: 'tls', message: 'The server does not offer HTTP/2.' });
}

const certificateWords: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'The certificate has expired',
  CERT_NOT_YET_VALID: 'The certificate is not valid yet',
  ERR_TLS_CERT_ALTNAME_INVALID: 'The certificate is one of another host',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'The certificate is signed by itself only',
  SELF_SIGNED_CERT_IN_CHAIN: 'The certificate comes from an authority that is not trusted here',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'The certificate comes from an authority that is not trusted here',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'The certificate comes from an authority that is not trusted here',
};

function settled(socket: Socket, event: 'connect' | 'secureConnect'): Promise<void> {
  return new Promise((resolve, reject) => {
    const onClose = (): void =>
      reject(Object.assign(new Error('the connection was closed'), { code: 'ECONNRESET' }));
    socket.once(event, () => {
      socket.off('close', onClose);
      socket.off('error', reject);
      resolve();
    });
    socket.once('error', reject);
    socket.once('close', onClose);
  });
}
