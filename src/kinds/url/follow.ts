/** One try: the URL, then wherever redirects lead, each hop resolved, guarded and connected to anew. */
import { CookieJar } from 'tough-cookie';
import type { UrlHop, UrlInput } from './contract/url-test.ts';
import { openConnection, type ConnectOptions } from './connect.ts';
import { exchange, type Answer, type ExchangeOptions, type UrlRequest } from './exchange.ts';
import { UrlFailure } from './failure.ts';
import type { Sent } from './request.ts';
import { wireText, wireUrl } from './wire-text.ts';

export type FollowOptions = ConnectOptions &
  ExchangeOptions &
  Pick<UrlInput, 'maxRedirects'> & { sent: Pick<Sent, 'portable'> };

/**
 * Asks and follows.
 * @param hops gets one entry for each request as it is made, so that a failure leaves what was seen before it
 * @throws UrlFailure; the reason of the signal
 */
export async function follow(first: UrlRequest, hops: UrlHop[], options: FollowOptions): Promise<Answer> {
  let request = first;
  const seen = new Set<string>();
  // Of this try alone: what a site remembers must not make the next one better.
  const jar = new CookieJar();
  for (;;) {
    const asked = `${request.method} ${request.url.href}`;
    const cookies = jar.getCookieStringSync(request.url.href);
    if (seen.has(`${asked} ${cookies}`))
      throw redirectFailure('REDIRECT_LOOP', `The redirects lead in a circle: ${asked} came twice.`);
    seen.add(`${asked} ${cookies}`);
    const hop = newHop(request);
    hops.push(hop);
    const answer = await askOnce(withCookies(request, cookies), hop, options);
    keepCookies(jar, answer, request.url);
    const location = locationOf(answer, request.url);
    hop.location = location?.href ?? null;
    if (!location || options.maxRedirects === 0) return answer;
    if (hops.length > options.maxRedirects)
      throw redirectFailure('TOO_MANY_REDIRECTS', `More than ${options.maxRedirects} redirects.`);
    request = nextRequest(request, location, { ...options.sent, status: answer.status });
  }
}

function withCookies(request: UrlRequest, cookies: string): UrlRequest {
  return cookies === '' ? request : { ...request, headers: [...request.headers, ['cookie', cookies]] };
}

/** A cookie that breaks the rules is left out, as browsers do (RFC 6265, 5.3). */
function keepCookies(jar: CookieJar, { headers }: Answer, { href }: URL): void {
  for (const [name, value] of headers)
    if (name === 'set-cookie') jar.setCookieSync(value, href, { ignoreError: true });
}

async function askOnce(request: UrlRequest, hop: UrlHop, options: FollowOptions): Promise<Answer> {
  const { socket, isHttp2 } = await openConnection(request.url, hop, options);
  try {
    return await exchange(socket, request, hop, { ...options, isHttp2 });
  } finally {
    socket.destroy();
  }
}

function newHop({ url, method }: UrlRequest): UrlHop {
  return {
    url: url.href,
    method,
    phases: { dns: null, connect: null, tls: null, firstByte: null, body: null },
    address: null,
    decision: null,
    protocol: null,
    tls: null,
    certificates: [],
    certificateProblem: null,
    status: null,
    statusText: '',
    location: null,
    bytes: 0,
    isCut: false,
  };
}

function locationOf({ status, headers }: Answer, base: URL): URL | null {
  if (![301, 302, 303, 307, 308].includes(status)) return null;
  const bytes = headers.find(([name]) => name === 'location')?.[1];
  if (bytes === undefined) return null;
  const url = URL.parse(wireUrl(bytes), base.href);
  if (!url)
    throw redirectFailure('INVALID_REDIRECT', `The redirect leads to "${wireText(bytes)}", which is no URL.`);
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    throw redirectFailure(
      'INVALID_REDIRECT',
      `The redirect leads to ${url.protocol}, and only http and https are tested.`,
    );
  url.hash = '';
  url.username = '';
  url.password = '';
  return url;
}

/** What a browser would ask next, except that nothing that may be secret goes to another origin. */
function nextRequest(
  request: UrlRequest,
  url: URL,
  { status, portable }: { status: number; portable: ReadonlySet<string> },
): UrlRequest {
  const becomesGet = status === 303 ? request.method !== 'HEAD' : status < 303 && request.method === 'POST';
  const isSameOrigin = url.origin === request.url.origin;
  const method = becomesGet ? 'GET' : request.method;
  const body = becomesGet ? undefined : request.body;
  if (body !== undefined && !isSameOrigin)
    throw redirectFailure(
      'BODY_TO_OTHER_ORIGIN',
      `The redirect would carry the body to ${url.origin}; it is not sent there.`,
    );
  const headers = request.headers.filter(
    ([name]) =>
      (isSameOrigin || portable.has(name.toLowerCase())) &&
      !(becomesGet && name.toLowerCase().startsWith('content-')),
  );
  return { method, url, headers, body };
}

function redirectFailure(code: string, message: string): UrlFailure {
  return new UrlFailure(code, {
    phase: 'redirect',
    message,
    ...(code === 'REDIRECT_LOOP' ? { short: 'redirect loop' } : {}),
  });
}
