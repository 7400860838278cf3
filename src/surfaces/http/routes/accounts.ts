import type { Accounts, AuditStore } from '../../../domain/accounts/ports.ts';
import type { App } from '../access.ts';
import type { Audit } from '../audit.ts';
import { registerAuditRoutes } from './audit.ts';
import { registerIdentityRoutes } from './identities.ts';
import { registerOidcRoutes, type OidcDependencies } from './oidc.ts';
import { registerSessionRoutes } from './sessions.ts';
import { registerTokenRoutes } from './tokens.ts';
import { registerUserRoutes } from './users.ts';

interface AccountDependencies extends OidcDependencies {
  accounts: Accounts;
  auditStore: AuditStore;
  audit: Audit;
  /** Secure cookies: only when people come by https, since browsers drop them otherwise. */
  isHttps: boolean;
}

export function registerAccountRoutes(app: App, dependencies: AccountDependencies): void {
  registerSessionRoutes(app, dependencies);
  registerOidcRoutes(app, dependencies);
  registerIdentityRoutes(app, dependencies);
  registerUserRoutes(app, dependencies);
  registerTokenRoutes(app, dependencies);
  registerAuditRoutes(app, dependencies);
}
