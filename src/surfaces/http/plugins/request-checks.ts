/*
 * Three things a browser can be talked into by a foreign page, and what stops each:
 * - A name of the attacker's that resolves to our address (DNS rebinding) makes their page same-origin with us. Their name
 *   is in the Host header, so only names that we know as ours pass. IP literals and names without a dot cannot be
 *   pointed anywhere by a stranger. Exempt is what such a page gains nothing by: what a probe may read without an account,
 *   and a request whose Authorization header decides, since the page knows no credentials. Where nobody is asked for
 *   them, it could write anything there.
 * - A page of another origin sends a change with our cookie, or to a route that needs no cookie. Browsers say so
 *   in Sec-Fetch-Site, or at least in Origin; programs send neither and pass. A request with an Authorization
 *   header is exempt: a foreign page cannot add one without a preflight, which we never answer.
 * - A form needs no preflight, but cannot send JSON; other bodies are refused (json-body.ts).
 */
import type { FastifyRequest } from 'fastify';
import { isIP } from 'node:net';
import { hostname } from 'node:os';
import { AppError } from '../../../contract/errors.ts';
import { permissions, type Permission } from '../../../contract/permissions.ts';
import { accessOf, type App } from '../access.ts';

export interface RequestCheckOptions {
  publicUrl: URL | null;
  /** The address we listen on. */
  host: string;
  /** Further names under which people reach us. */
  extraHosts: readonly string[];
}

export function addRequestChecks(app: App, options: RequestCheckOptions): void {
  const known = new Set(
    [
      options.host,
      options.publicUrl?.hostname ?? '',
      hostname(),
      `${hostname()}.local`,
      ...options.extraHosts,
    ].map((name) => name.toLowerCase()),
  );
  app.addHook('onRequest', async (request) => {
    if (!isOfAnyName(request)) checkHost(request, known);
    if (!isSafe(request.method) && request.headers.authorization === undefined)
      checkOrigin(request, options.publicUrl);
    if (/%00/.test(request.url)) throw new AppError('invalid_input', 'The address contains a NUL character.');
  });
}

const probes: ReadonlySet<Permission | null> = new Set(['health.read', 'metrics.open'] as const);

function isOfAnyName(request: FastifyRequest): boolean {
  const access = accessOf(request);
  if (probes.has(access)) return true;
  return request.headers.authorization !== undefined && access !== null && permissions[access] !== 'public';
}

function isSafe(method: string): boolean {
  return method === 'GET' || method === 'HEAD' || method === 'OPTIONS';
}

function checkHost(request: FastifyRequest, known: ReadonlySet<string>): void {
  // Behind a proxy both count: a rebound page could write X-Forwarded-Host itself.
  for (const host of new Set([request.headers.host, request.host])) {
    if (host === undefined || host === '') continue;
    const name = toName(host);
    if (isOurs(name, known)) continue;
    throw new AppError(
      'cross_origin',
      `This server does not know the name ${name} as its own. Whoever runs it can set DAYBOOK_PUBLIC_URL to the address people use, and DAYBOOK_HOSTS to further names.`,
    );
  }
}

function isOurs(name: string, known: ReadonlySet<string>): boolean {
  if (name === 'localhost' || name.endsWith('.localhost') || known.has(name)) return true;
  return isIP(name) !== 0 || !name.includes('.');
}

function toName(host: string): string {
  const bracketed = /^\[([^\]]*)\](?::\d+)?$/.exec(host);
  if (bracketed?.[1] !== undefined) return bracketed[1];
  return host.replace(/:\d+$/, '').replace(/\.$/, '').toLowerCase();
}

function checkOrigin(request: FastifyRequest, publicUrl: URL | null): void {
  const site = request.headers['sec-fetch-site'];
  if (site === 'same-origin' || site === 'none') return;
  const { origin } = request.headers;
  if (site === undefined && (origin === undefined || isOwnOrigin(origin, request, publicUrl))) return;
  throw new AppError(
    'cross_origin',
    `A page of another origin (${origin ?? site}) asked for a change; that is refused.`,
  );
}

function isOwnOrigin(origin: string, request: FastifyRequest, publicUrl: URL | null): boolean {
  if (publicUrl && origin === publicUrl.origin) return true;
  const url = URL.parse(origin);
  if (!url || !/^https?:$/.test(url.protocol)) return false;
  // The scheme is not compared: a proxy that ends TLS and tells us nothing would make every change look foreign.
  return url.host === URL.parse(`${url.protocol}//${request.host}`)?.host;
}
