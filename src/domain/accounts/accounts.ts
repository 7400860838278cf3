import { AppError } from '../../contract/errors.ts';
import { systemClock, type Clock } from '../../lib/clock.ts';
import { createAuthenticator } from './authenticator.ts';
import { password as passwordRule } from '../../contract/accounts.ts';
import { createPasswordCheck } from './password-check.ts';
import { createPasswordHasher, type PasswordCost } from './passwords.ts';
import { createIdentities } from './identities.ts';
import type { Accounts, AccountStore, Caller, LoginOutcome, UserRecord } from './ports.ts';
import { createReadablePassword, createSessionSecret, createTokenSecret, hashSecret } from './secrets.ts';

const dayMs = 86_400_000;

export interface AccountsOptions {
  store: AccountStore;
  clock?: Clock;
  /** A session that nobody used for so long has ended. Default 7 days. */
  sessionIdleMs?: number;
  /** A session ends then in any case. Default 30 days. */
  sessionMaxMs?: number;
  /** Of new passwords. Tests lower it. */
  passwordCost?: PasswordCost;
}

export function createAccounts(options: AccountsOptions): Accounts {
  const { store, clock = systemClock, sessionIdleMs = 7 * dayMs, sessionMaxMs = 30 * dayMs } = options;
  const hasher = createPasswordHasher(options.passwordCost);
  const passwords = createPasswordCheck({ store, hasher, clock });
  const idle = (): { now: Date; idleMs: number } => ({ now: clock.now(), idleMs: sessionIdleMs });

  const change = async (
    name: string,
    what: Parameters<AccountStore['updateUser']>[1],
    keepSessionId: number | null = null,
  ): Promise<UserRecord> => {
    const result = await store.updateUser(name, what, { now: clock.now(), keepSessionId });
    passwords.forget();
    if (result === 'missing') throw noSuchUser(name);
    if (result === 'last-admin') throw lastAdmin(name);
    return result;
  };

  const identities = createIdentities({ store, clock, onChange: () => passwords.forget() });

  const openSession = async (
    user: UserRecord,
    { address, userAgent }: Caller,
  ): Promise<Extract<LoginOutcome, { outcome: 'signed-in' }>> => {
    const secret = createSessionSecret();
    const { now, idleMs } = idle();
    const session = await store.insertSession(
      {
        userId: user.id,
        secretHash: hashSecret(secret),
        createdAt: now,
        expiresAt: new Date(now.getTime() + sessionMaxMs),
        address,
        userAgent: userAgent?.slice(0, 300) ?? null,
      },
      { now, idleMs },
    );
    return { outcome: 'signed-in', secret, session, user };
  };

  return {
    ...createAuthenticator({ store, passwords, clock, sessionIdleMs }),

    ensureFirstAdmin: async (fromEnvironment) => {
      if ((await store.listUsers()).length > 0) return null;
      const password = fromEnvironment ?? createReadablePassword();
      checkRule(password, 'configuration', 'DAYBOOK_ADMIN_PASSWORD');
      const passwordHash = await hasher.hash(password);
      const admin = { name: 'admin', displayName: 'Administrator', role: 'admin', passwordHash } as const;
      const inserted = await store.insertFirstUser(admin, clock.now());
      return inserted ? { name: 'admin', password, generated: fromEnvironment === null } : null;
    },

    login: async (name, password, { address, userAgent }) => {
      const result = await passwords.check(name, password, address);
      if (result.outcome !== 'accepted') return result;
      return openSession(result.user, { address, userAgent });
    },
    signInWith: async (identity, caller) => openSession(await identities.findOrCreate(identity), caller),
    linkIdentity: (principal, identity) => identities.link(principal, identity),
    listIdentities: (userId) => store.listIdentities(userId),
    unlinkIdentity: async (userId, id) => {
      const unlinked = await store.unlinkIdentity(userId, id);
      if (unlinked === 'missing') throw new AppError('not_found', `You have no linked account ${id}.`);
      if (unlinked !== 'last-way-in') return unlinked;
      throw new AppError(
        'conflict',
        'This is the only way in: you have no password here. Let an admin set one, or link another account first.',
      );
    },
    listSessions: (userId) => store.listSessions(userId, idle()),
    endSession: async (userId, id) => {
      if (!(await store.deleteSession(userId, id)))
        throw new AppError('not_found', `You have no session ${id}.`);
    },

    listUsers: () => store.listUsers(),
    findUser: async (name) => {
      const user = await store.findUser(name);
      if (!user) throw noSuchUser(name);
      return user;
    },
    createUser: async ({ name, displayName = name, role, password }) => {
      const passwordHash = await hasher.hash(password);
      const user = await store.insertUser({ name, displayName, role, passwordHash }, clock.now());
      if (user) return user;
      throw new AppError('conflict', `There is already a user ${name}.`, {
        details: [{ field: 'name', message: 'It is taken; case makes no difference.' }],
      });
    },
    updateUser: async (name, { password, ...rest }) => {
      const passwordHash = password === undefined ? undefined : await hasher.hash(password);
      return change(name, { ...rest, passwordHash });
    },
    deleteUser: async (name) => {
      const result = await store.deleteUser(name);
      passwords.forget();
      if (result === 'missing') throw noSuchUser(name);
      if (result === 'last-admin') throw lastAdmin(name);
      return result;
    },
    changeOwnPassword: async (principal, { current, next }, { address }) => {
      const { name } = principal.actor;
      const result = await passwords.check(name, current, address);
      if (result.outcome !== 'accepted') return result;
      const keepSessionId = principal.via === 'session' ? principal.credentialId : null;
      await change(name, { passwordHash: await hasher.hash(next) }, keepSessionId);
      return 'changed';
    },
    setPasswordLocally: async (name, password) => {
      checkRule(password, 'invalid_input', 'password');
      await change(name, { passwordHash: await hasher.hash(password), disabled: false });
    },

    listTokens: (userId) => store.listTokens(userId),
    createToken: async (principal, { name, scopes, expiresAt }) => {
      const { actor, via } = principal;
      if (via === 'token' || actor.accountId === null) {
        throw new AppError('forbidden', 'A token cannot make tokens. Sign in, or send user and password.');
      }
      const now = clock.now();
      if (expiresAt !== null && expiresAt <= now) {
        const details = [{ field: 'expiresAt', message: 'It has to be in the future.' }];
        throw new AppError('invalid_input', 'The token would have expired already.', { details });
      }
      const secret = createTokenSecret();
      const record = await store.insertToken({
        userId: actor.accountId,
        name,
        secretHash: hashSecret(secret),
        scopes: [...new Set(scopes)],
        createdAt: now,
        createdBy: actor.name,
        expiresAt,
      });
      return { record, secret };
    },
    revokeToken: async (userId, id) => {
      if (!(await store.deleteToken(userId, id))) throw new AppError('not_found', `You have no token ${id}.`);
    },
  };
}

function checkRule(password: string, code: 'configuration' | 'invalid_input', field: string): void {
  const result = passwordRule.safeParse(password);
  if (result.success) return;
  const message = result.error.issues.map((issue) => issue.message).join(' ');
  throw new AppError(code, `${field}: ${message}`, { details: [{ field, message }] });
}

function noSuchUser(name: string): AppError {
  return new AppError('not_found', `There is no user ${name}.`);
}

function lastAdmin(name: string): AppError {
  return new AppError('conflict', `${name} is the last admin who can sign in. Make another one first.`);
}
