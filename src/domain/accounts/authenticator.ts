import type { Principal } from '../../contract/permissions.ts';
import type { Clock } from '../../lib/clock.ts';
import type { PasswordCheck } from './password-check.ts';
import type { AccountStore, AuthenticationOutcome, Authenticator, UserRecord } from './ports.ts';
import { hashSecret, tokenPrefix } from './secrets.ts';

/** Last use is written at most once in this time, not with every request. */
const touchMs = 60_000;

export interface AuthenticatorOptions {
  store: AccountStore;
  passwords: PasswordCheck;
  clock: Clock;
  sessionIdleMs: number;
}

export function createAuthenticator(options: AuthenticatorOptions): Authenticator {
  const { store, passwords, clock, sessionIdleMs } = options;

  const bySession = async (secret: string): Promise<AuthenticationOutcome> => {
    const now = clock.now();
    const found = await store.findSession(hashSecret(secret), { now, idleMs: sessionIdleMs });
    if (!found) return { outcome: 'refused' };
    if (isStale(found.session.lastSeenAt, now)) await store.touchSession(found.session.id, now);
    return accepted(found.user, { via: 'session', scopes: ['all'], credentialId: found.session.id });
  };

  const byToken = async (token: string, owner: string | null): Promise<AuthenticationOutcome> => {
    if (!token.startsWith(tokenPrefix)) return { outcome: 'refused' };
    const now = clock.now();
    const found = await store.findToken(hashSecret(token), now);
    if (!found) return { outcome: 'refused' };
    if (owner !== null && owner.toLowerCase() !== found.user.name.toLowerCase())
      return { outcome: 'refused' };
    if (isStale(found.token.lastUsedAt, now)) await store.touchToken(found.token.id, now);
    return accepted(found.user, {
      via: 'token',
      scopes: found.token.scopes,
      credentialId: found.token.id,
    });
  };

  return {
    authenticate: async (credentials, { address }) => {
      switch (credentials.kind) {
        case 'session':
          return bySession(credentials.secret);
        case 'token':
          return byToken(credentials.token, null);
        case 'basic': {
          const { name, password } = credentials;
          if (password.startsWith(tokenPrefix)) return byToken(password, name);
          const result = await passwords.checkOften(name, password, address);
          if (result.outcome !== 'accepted') return result;
          return accepted(result.user, { via: 'password', scopes: ['all'], credentialId: null });
        }
      }
    },
  };
}

function accepted(user: UserRecord, rest: Omit<Principal, 'actor'>): AuthenticationOutcome {
  const actor = { name: user.name, accountId: user.id, role: user.role };
  return { outcome: 'accepted', principal: { actor, ...rest } };
}

function isStale(last: Date | null, now: Date): boolean {
  return last === null || now.getTime() - last.getTime() >= touchMs;
}
