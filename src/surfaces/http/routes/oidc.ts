import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Accounts, IdentityProvider, LoginSecrets } from '../../../domain/accounts/ports.ts';
import { AppError } from '../../../contract/errors.ts';
import { principalOf, type App } from '../access.ts';
import type { Audit } from '../audit.ts';
import { handleError, toAppError } from '../error-handler.ts';
import { escapeHtml, plainPage } from '../plain-page.ts';
import { sessionCookieOf } from '../plugins/authentication.ts';

export interface OidcDependencies {
  accounts: Accounts;
  audit: Audit;
  isHttps: boolean;
  /** Null: there is none. */
  identityProvider: IdentityProvider | null;
}

const tags = ['sessions'];
/** Followed by the state: several logins of one browser are on their way at once. */
const loginCookie = 'daybook_login_';
/** Those that were begun and left: together their cookies must stay a small part of a request. */
const mostLogins = 8;
const path = '/api/v1/oidc';
const loginMinutes = 10;

const begun = z.object({
  state: z.string(),
  nonce: z.string(),
  verifier: z.string(),
  returnTo: z.string(),
  isLink: z.boolean(),
});

/**
 * Signing in at an identity provider. What a login needs on the way back stands in a cookie of the browser that began
 * it, so that another one cannot complete it. People come to these addresses themselves, so a browser gets errors as a
 * page.
 */
export function registerOidcRoutes(app: App, dependencies: OidcDependencies): void {
  const { accounts, audit, isHttps, identityProvider } = dependencies;
  const cookie = { path, httpOnly: true, sameSite: 'lax', secure: isHttps } as const;
  const provider = (): IdentityProvider => {
    if (identityProvider) return identityProvider;
    throw new AppError('not_found', 'No identity provider is configured here (DAYBOOK_OIDC_ISSUER).');
  };

  const begin = async (
    request: FastifyRequest,
    reply: FastifyReply,
    login: { returnTo: string; isLink: boolean },
  ): Promise<FastifyReply> => {
    const { url, secrets } = await provider().begin();
    const value = Buffer.from(JSON.stringify({ ...secrets, ...login })).toString('base64url');
    // Browsers send the oldest first (RFC 6265, section 5.4).
    const before = Object.keys(request.cookies).filter((name) => name.startsWith(loginCookie));
    for (const name of before.slice(0, -mostLogins)) reply.clearCookie(name, cookie);
    reply.setCookie(loginCookie + secrets.state, value, { ...cookie, maxAge: loginMinutes * 60 });
    return reply.redirect(url, 303);
  };

  app.get(path, {
    config: { access: 'sessions.create' },
    schema: {
      operationId: 'describeOidc',
      tags,
      summary: 'Whether people can sign in at an identity provider',
      response: { 200: z.object({ isEnabled: z.boolean() }) },
    },
    handler: async () => ({ isEnabled: identityProvider !== null }),
  });

  app.get(`${path}/login`, {
    config: { access: 'sessions.create' },
    errorHandler: handleErrorOfPerson,
    schema: {
      operationId: 'beginOidcLogin',
      tags,
      summary: 'Go to the identity provider to sign in',
      querystring: z.strictObject({ return: returnPath }),
      response: { 303: z.undefined().describe('To the provider.') },
    },
    handler: (request, reply) => begin(request, reply, { returnTo: request.query.return, isLink: false }),
  });

  app.get(`${path}/link`, {
    config: { access: 'profile.change' },
    errorHandler: handleErrorOfPerson,
    schema: {
      operationId: 'beginOidcLink',
      tags,
      summary: 'Go to the identity provider to link its account with yours',
      querystring: z.strictObject({ return: returnPath }),
      response: { 303: z.undefined().describe('To the provider.') },
    },
    handler: (request, reply) => begin(request, reply, { returnTo: request.query.return, isLink: true }),
  });

  app.get(`${path}/callback`, {
    config: { access: 'sessions.create' },
    errorHandler: handleErrorOfPerson,
    schema: {
      operationId: 'completeOidcLogin',
      tags,
      summary: 'Where the identity provider sends people back to',
      querystring: z.looseObject({ state: z.string().optional() }),
      response: { 303: z.undefined().describe('Signed in.') },
    },
    handler: async (request, reply) => {
      const { returnTo, isLink, ...secrets } = readLogin(request);
      reply.clearCookie(loginCookie + secrets.state, cookie);
      const { search } = new URL(request.url, 'http://localhost');
      const identity = await provider().complete(search, secrets);
      if (isLink) await link(request, identity);
      else await signIn(request, reply, identity);
      return reply.redirect(returnTo, 303);
    },
  });

  app.post(`${path}/logout`, {
    config: { access: 'profile.change' },
    schema: {
      operationId: 'signOutOidc',
      tags,
      summary: 'Sign out here; the answer says where to sign out at the provider',
      response: { 200: z.object({ url: z.string().nullable() }) },
    },
    handler: async (request, reply) => {
      const { actor, via, credentialId } = principalOf(request);
      if (via !== 'session' || credentialId === null || actor.accountId === null) {
        throw new AppError('conflict', 'This request uses no session, so there is nothing to end.');
      }
      await accounts.endSession(actor.accountId, credentialId);
      await audit(request, { action: 'sessions.end', target: String(credentialId) });
      reply.clearCookie(sessionCookieOf(request), { ...cookie, path: '/' });
      // The session here has ended, whatever the provider does.
      return {
        url: await provider()
          .logoutUrl()
          .catch(() => null),
      };
    },
  });

  type Identity = Awaited<ReturnType<IdentityProvider['complete']>>;

  async function signIn(request: FastifyRequest, reply: FastifyReply, identity: Identity): Promise<void> {
    const caller = { address: request.ip, userAgent: request.headers['user-agent'] ?? null };
    const { user, session, secret } = await accounts.signInWith(identity, caller);
    await audit(request, {
      action: 'sessions.create',
      target: String(session.id),
      actor: user.name,
      details: { issuer: identity.issuer, subject: identity.subject },
    });
    reply.setCookie(sessionCookieOf(request), secret, { ...cookie, path: '/', expires: session.expiresAt });
  }

  /** Whose account it is, the session of this very request says, never the cookie of the login. */
  async function link(request: FastifyRequest, identity: Identity): Promise<void> {
    const secret = request.cookies[sessionCookieOf(request)];
    const result = secret
      ? await accounts.authenticate({ kind: 'session', secret }, { address: request.ip })
      : { outcome: 'refused' as const };
    if (result.outcome !== 'accepted')
      throw new AppError('not_authenticated', 'The session has ended. Sign in again.');
    const { principal } = result;
    await accounts.linkIdentity(principal, identity);
    const details = { issuer: identity.issuer, subject: identity.subject };
    await audit(request, {
      action: 'users.link-identity',
      target: principal.actor.name,
      actor: principal.actor.name,
      details,
    });
  }
}

/** A path of this server. `//host` and `/\host` would lead to another one. */
const returnPath = z
  .string()
  .max(2_000)
  .regex(/^\/(?![/\\])[^\\\p{Cc}]*$/u, 'expected a path of this server, beginning with one `/`')
  .default('/');

function readLogin({
  query,
  cookies,
}: {
  query: { state?: string | undefined };
  cookies: FastifyRequest['cookies'];
}): LoginSecrets & { returnTo: string; isLink: boolean } {
  try {
    const text = Buffer.from(cookies[`${loginCookie}${query.state}`] ?? '', 'base64url').toString();
    const login = begun.parse(JSON.parse(text));
    return { ...login, returnTo: returnPath.parse(login.returnTo) };
  } catch {
    throw new AppError(
      'not_authenticated',
      'This login was not begun in this browser, or too long ago. Sign in again.',
    );
  }
}

/** A person at a browser reads a page; what is logged, and the status, are the same. */
function handleErrorOfPerson(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
  if (!request.headers.accept?.includes('text/html')) return handleError(error, request, reply);
  const { message } = toAppError(error, request);
  const page = plainPage(
    'Signing in',
    `<h1>Signing in did not work</h1><p>${escapeHtml(message)}</p><nav><a href="/">Back to Daybook</a></nav>`,
  );
  handleError(error, request, reply, { type: 'text/html; charset=utf-8', text: page });
}
