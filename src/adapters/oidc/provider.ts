import * as oidc from 'openid-client';
import type { Identity, IdentityProvider, LoginSecrets } from '../../domain/accounts/ports.ts';
import { AppError } from '../../contract/errors.ts';
import { roles, type Role } from '../../contract/actor.ts';
import type { Logger } from '../../lib/logger.ts';

export interface OidcOptions {
  issuer: string;
  clientId: string;
  /** Without one this is a public client; PKCE is used in any case. */
  clientSecret: string | undefined;
  scopes: string;
  /** Where the provider sends people back to. */
  redirectUri: string;
  /** Where they land after signing out there. */
  homeUri: string;
  /** The claim that lists groups. */
  roleClaim: string;
  /** Group → role. Empty: roles are given here, not there. */
  roleOfGroup: ReadonlyMap<string, Role>;
  /** Of who is in none of these groups; null: such people are refused. */
  defaultRole: Role | null;
  logger: Logger;
}

const timeoutSeconds = 5;
/** Between the clocks of the provider and of this machine. */
const clockToleranceSeconds = 30;

/**
 * OpenID Connect, authorization code flow (OpenID Connect Core 1.0, section 3.1) with PKCE (RFC 7636), state and nonce.
 *
 * The provider is asked for its description at the first login, and again after an error: whether it is up when this
 * server starts makes no difference, and passwords work while it is down.
 */
export function createOidcProvider(options: OidcOptions): IdentityProvider {
  const { redirectUri, homeUri, scopes, logger } = options;
  let discovered: Promise<oidc.Configuration> | undefined;
  const configuration = async (): Promise<oidc.Configuration> => {
    discovered ??= discover(options);
    try {
      return await discovered;
    } catch (error) {
      discovered = undefined;
      logger.warn({ err: error }, 'The identity provider cannot be reached.');
      throw unavailable(error);
    }
  };

  return {
    begin: async () => {
      const config = await configuration();
      const secrets = {
        state: oidc.randomState(),
        nonce: oidc.randomNonce(),
        verifier: oidc.randomPKCECodeVerifier(),
      };
      const url = oidc.buildAuthorizationUrl(config, {
        redirect_uri: redirectUri,
        scope: scopes,
        state: secrets.state,
        nonce: secrets.nonce,
        code_challenge: await oidc.calculatePKCECodeChallenge(secrets.verifier),
        code_challenge_method: 'S256',
      });
      return { url: url.href, secrets };
    },

    complete: async (query, secrets) => {
      const config = await configuration();
      try {
        return await exchange(config, new URL(`${redirectUri}${query}`), secrets);
      } catch (error) {
        throw toRefusal(error, logger);
      }
    },

    logoutUrl: async () => {
      const config = await configuration();
      if (config.serverMetadata().end_session_endpoint === undefined) return null;
      return oidc.buildEndSessionUrl(config, { post_logout_redirect_uri: homeUri }).href;
    },
  };

  async function exchange(config: oidc.Configuration, url: URL, secrets: LoginSecrets): Promise<Identity> {
    const tokens = await oidc.authorizationCodeGrant(config, url, {
      pkceCodeVerifier: secrets.verifier,
      expectedState: secrets.state,
      expectedNonce: secrets.nonce,
      idTokenExpected: true,
    });
    const claims = tokens.claims();
    if (!claims) throw new Error('there is no ID token');
    const facts: Record<string, unknown> = { ...(await moreFacts(config, tokens, claims)), ...claims };
    const groups = toList(facts[options.roleClaim]);
    return {
      issuer: claims.iss,
      subject: claims.sub,
      suggestedName: textOf(facts['preferred_username']) ?? textOf(facts['email']) ?? claims.sub,
      displayName: textOf(facts['name'])?.slice(0, 100) ?? null,
      role: roleOf(groups, options),
      isRoleManaged: options.roleOfGroup.size > 0,
    };
  }

  /** Many providers keep names and groups out of the ID token. */
  async function moreFacts(
    config: oidc.Configuration,
    tokens: { access_token: string },
    claims: oidc.IDToken,
  ): Promise<Record<string, unknown>> {
    const isComplete = claims['preferred_username'] !== undefined && claims[options.roleClaim] !== undefined;
    if (isComplete || config.serverMetadata().userinfo_endpoint === undefined) return {};
    return { ...(await oidc.fetchUserInfo(config, tokens.access_token, claims.sub)) };
  }
}

async function discover({ issuer, clientId, clientSecret }: OidcOptions): Promise<oidc.Configuration> {
  const metadata = {
    [oidc.clockTolerance]: clockToleranceSeconds,
    ...(clientSecret === undefined ? {} : { client_secret: clientSecret }),
  };
  const authentication = clientSecret === undefined ? oidc.None() : oidc.ClientSecretPost(clientSecret);
  // Only where somebody wrote http into the settings: a provider on this machine.
  const execute = issuer.startsWith('http:') ? [oidc.allowInsecureRequests] : [];
  return oidc.discovery(new URL(issuer), clientId, metadata, authentication, {
    execute,
    timeout: timeoutSeconds,
  });
}

function roleOf(groups: readonly string[], { roleOfGroup, defaultRole }: OidcOptions): Role | null {
  const given = groups.flatMap((group) => roleOfGroup.get(group) ?? []);
  return (
    given.reduce<Role | null>((best, role) => (best && rank(best) >= rank(role) ? best : role), null) ??
    defaultRole
  );
}

function rank(role: Role): number {
  return roles.indexOf(role);
}

function toList(value: unknown): string[] {
  const values = Array.isArray(value) ? (value as unknown[]) : [value];
  return values.filter((one) => typeof one === 'string');
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' && value.trim() !== '' ? value.trim() : null;
}

/** What the library says when the provider itself did not answer, rather than said no. */
const networkCodes = new Set(['OAUTH_TIMEOUT', 'OAUTH_ABORT', 'OAUTH_RESPONSE_IS_NOT_CONFORM']);

function toRefusal(error: unknown, logger: Logger): AppError {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (error instanceof TypeError || networkCodes.has(code)) {
    logger.warn({ err: error }, 'The identity provider did not answer a login.');
    return unavailable(error);
  }
  logger.warn(
    { reason: error instanceof Error ? error.message : String(error), code },
    'A login was refused.',
  );
  return new AppError(
    'not_authenticated',
    'The identity provider did not confirm this login (it was cancelled, took too long, or was begun in another browser). Sign in again.',
    { cause: error },
  );
}

function unavailable(cause: unknown): AppError {
  return new AppError(
    'provider_unavailable',
    'The identity provider does not answer. Try again, or sign in with a password.',
    { cause },
  );
}
