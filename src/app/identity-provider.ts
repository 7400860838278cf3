import type { Config } from '../config/config.ts';
import type { IdentityProvider } from '../domain/accounts/ports.ts';
import { createOidcProvider } from '../adapters/oidc/provider.ts';
import type { Logger } from '../lib/logger.ts';

/** Null: none is configured. */
export function createIdentityProvider({ oidc }: Config, logger: Logger): IdentityProvider | null {
  if (!oidc) return null;
  const { publicUrl, roles, ...settings } = oidc;
  return createOidcProvider({
    ...settings,
    redirectUri: `${publicUrl}/api/v1/oidc/callback`,
    homeUri: `${publicUrl}/`,
    roleOfGroup: new Map(roles),
    logger,
  });
}
