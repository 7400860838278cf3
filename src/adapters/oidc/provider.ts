import * as oidc from 'openid-client';
import type { Identity, IdentityProvider, LoginSecrets } from '../../domain/accounts/ports.ts';
import { AppError } from '../../contract/errors.ts';
import { roles, type Role } from '../../contract/actor.ts';
import type { ClientAuthentication } from '../../contract/accounts.ts';
import type { Logger } from '../../lib/logger.ts';

export interface OidcOptions {
  issuer: string;
  clientId: string;
  /** Without one this is a public client; PKCE is used in any case. */
  clientSecret: string | undefined;
  /** How the secret is shown; `auto`: as the provider's description says, by Basic where it takes that. */
  clientAuthentication: ClientAuthentication;
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
        throw await toRefusal(error, logger);
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

async function discover(options: OidcOptions): Promise<oidc.Configuration> {
  const { issuer, clientId, clientSecret } = options;
  const metadata = {
    [oidc.clockTolerance]: clockToleranceSeconds,
    ...(clientSecret === undefined ? {} : { client_secret: clientSecret }),
  };
  const authentication =
    clientSecret === undefined ? oidc.None() : authenticateClient(clientSecret, options.clientAuthentication);
  // Only where somebody wrote http into the settings: a provider on this machine.
  const execute = issuer.startsWith('http:') ? [oidc.allowInsecureRequests] : [];
  return oidc.discovery(new URL(issuer), clientId, metadata, authentication, {
    execute,
    timeout: timeoutSeconds,
  });
}

/**
 * A provider has to take Basic (RFC 6749, section 2.3.1), and one that does not say what it takes, takes that (OpenID
 * Connect Discovery 1.0, section 3); the form is for those that offer nothing else.
 */
function authenticateClient(secret: string, how: ClientAuthentication): oidc.ClientAuth {
  const methods = {
    client_secret_basic: oidc.ClientSecretBasic(secret),
    client_secret_post: oidc.ClientSecretPost(secret),
  };
  return (server, ...request) => {
    const offered = server.token_endpoint_auth_methods_supported ?? ['client_secret_basic'];
    const takesFormOnly = offered.includes('client_secret_post') && !offered.includes('client_secret_basic');
    const chosen = how === 'auto' ? (takesFormOnly ? 'client_secret_post' : 'client_secret_basic') : how;
    return methods[chosen](server, ...request);
  };
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

async function toRefusal(failure: unknown, logger: Logger): Promise<AppError> {
  const code = failure instanceof Error && 'code' in failure ? String(failure.code) : '';
  if (failure instanceof TypeError || networkCodes.has(code)) {
    logger.warn({ err: failure }, 'The identity provider did not answer a login.');
    return unavailable(failure);
  }
  const said = await whatProviderSaid(failure);
  const reason = failure instanceof Error ? failure.message : String(failure);
  logger.warn({ ...said, reason, code }, 'A login was refused.');
  return new AppError('not_authenticated', wordsOf(said.error), { cause: failure });
}

/** As OAuth names it (RFC 6749, sections 4.1.2.1 and 5.2). */
interface ProviderError {
  error?: string | undefined;
  error_description?: string | undefined;
}

async function whatProviderSaid(failure: unknown): Promise<ProviderError> {
  if (failure instanceof oidc.AuthorizationResponseError || failure instanceof oidc.ResponseBodyError)
    return { error: failure.error, error_description: failure.error_description };
  if (!(failure instanceof oidc.WWWAuthenticateChallengeError)) return {};
  // The library reads the header of such an answer only; the words stand in its body.
  const body: unknown = await failure.response.json().catch(() => null);
  const { error, error_description } = { ...failure.cause[0]?.parameters, ...(body as object | null) };
  return { error: textOf(error) ?? undefined, error_description: textOf(error_description) ?? undefined };
}

function wordsOf(error: string | undefined): string {
  switch (error) {
    case undefined:
      return 'This login could not be completed: it took too long, was used before, or was begun in another browser. Sign in again.';
    case 'access_denied':
      return 'The login was cancelled at the identity provider, or is not allowed there. Sign in again.';
    case 'invalid_client':
    case 'unauthorized_client':
      return `The identity provider does not accept this server (${error}). Whoever runs it finds more in its log, and checks DAYBOOK_OIDC_CLIENT_SECRET and DAYBOOK_OIDC_CLIENT_AUTHENTICATION; passwords work all the same.`;
    default:
      return `The identity provider did not confirm this login (${error}). Sign in again.`;
  }
}

function unavailable(cause: unknown): AppError {
  return new AppError(
    'provider_unavailable',
    'The identity provider does not answer. Try again, or sign in with a password.',
    { cause },
  );
}
