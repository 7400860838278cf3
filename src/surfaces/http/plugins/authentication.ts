import { isDeepStrictEqual } from 'node:util';
import rateLimit from '@fastify/rate-limit';
import cookie from '@fastify/cookie';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Authenticator, Credentials } from '../../../domain/accounts/ports.ts';
import { AppError } from '../../../contract/errors.ts';
import { permissions } from '../../../contract/permissions.ts';
import { accessOf, requirePermission, type App } from '../access.ts';
import { refuseTooMany } from '../error-handler.ts';

/**
 * Cookies of a host go to all of its ports (RFC 6265, section 8.5), so the name has the port by which the browser came:
 * several servers of one machine do not sign people out of each other.
 */
export function sessionCookieOf({ host }: Pick<FastifyRequest, 'host'>): string {
  const [, port] = /:(\d+)$/.exec(host) ?? [];
  return port === undefined ? 'daybook_session' : `daybook_session_${port}`;
}

export interface AuthenticationOptions {
  accounts: Authenticator;
  /** How many refused requests one address may send in a minute before it hears 429 instead. */
  refusedPerMinute: number;
}

/** Finds out who asks (`request.principal`) and holds it against the permission that the route names. */
export async function addAuthentication(app: App, options: AuthenticationOptions): Promise<void> {
  await app.register(cookie);
  await app.register(rateLimit, { global: false });
  const countRefused = app.createRateLimit({
    max: options.refusedPerMinute,
    timeWindow: 60_000,
    keyGenerator: (request) => request.ip,
  });
  app.decorateRequest('principal', null);
  app.decorateRequest('isStillAllowed', async function (this: FastifyRequest) {
    const credentials = toCredentials(this);
    if (!credentials) return false;
    const result = await options.accounts.authenticate(credentials, { address: this.ip });
    return result.outcome === 'accepted' && isDeepStrictEqual(result.principal, this.principal);
  });
  app.addHook('onRequest', async (request, reply) => {
    if (request.is404) return;
    const access = accessOf(request);
    if (access !== null && permissions[access] === 'public') return;
    const credentials = toCredentials(request);
    if (credentials) await authenticate(request, reply, credentials);
    if (!request.principal) {
      const limit = await countRefused(request);
      if (!limit.isAllowed && limit.isExceeded) {
        refuseTooMany(reply, limit.ttlInSeconds, 'Too many refused requests from this address.');
      }
      throw new AppError('not_authenticated', refusals[credentials?.kind ?? 'none'] + hiddenSession(request));
    }
    if (access === null) throw new AppError('forbidden', 'This address is open to nobody.');
    requirePermission(request, access);
  });

  async function authenticate(
    request: FastifyRequest,
    reply: FastifyReply,
    credentials: Credentials,
  ): Promise<void> {
    const result = await options.accounts.authenticate(credentials, { address: request.ip });
    if (result.outcome === 'accepted') request.principal = result.principal;
    if (result.outcome === 'wait') {
      refuseTooMany(reply, result.retryAfterSeconds, 'Too many wrong passwords for this user from here.');
    }
  }
}

const refusals: Record<Credentials['kind'] | 'none', string> = {
  none: 'Sign in, or send a token (Authorization: Bearer …).',
  session: 'The session has ended. Sign in again.',
  token: 'The token is not valid: mistyped, expired, revoked, or its user is disabled.',
  basic: 'The user, password or token is not right.',
};

/**
 * An Authorization header that is wrong never falls back to the cookie: such requests are exempt from the origin
 * check, so the cookie must not count for them.
 */
function toCredentials(request: FastifyRequest): Credentials | null {
  const header = request.headers.authorization;
  if (header === undefined) {
    const secret = request.cookies[sessionCookieOf(request)];
    return secret ? { kind: 'session', secret } : null;
  }
  const [scheme = '', value = ''] = header.trim().split(/\s+/, 2);
  switch (scheme.toLowerCase()) {
    case 'bearer':
      return { kind: 'token', token: value };
    case 'basic': {
      const text = Buffer.from(value, 'base64').toString('utf8');
      const colon = text.indexOf(':');
      return { kind: 'basic', name: text.slice(0, Math.max(0, colon)), password: text.slice(colon + 1) };
    }
    default:
      throw new AppError(
        'not_authenticated',
        `The Authorization header has to be Bearer or Basic.${hiddenSession(request)}`,
      );
  }
}

/** For who is signed in, and refused for a header that a proxy before us put there, or let through. */
function hiddenSession(request: FastifyRequest): string {
  if (request.headers.authorization === undefined || !request.cookies[sessionCookieOf(request)]) return '';
  return ' The session of this browser does not count beside an Authorization header; a proxy that asks for a password itself has to remove its header (nginx: proxy_set_header Authorization "").';
}
