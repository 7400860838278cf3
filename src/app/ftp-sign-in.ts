import { createHash, timingSafeEqual } from 'node:crypto';
import { can, type Principal } from '../contract/permissions.ts';
import { LoginThrottle, toAddressKey } from '../domain/accounts/login-throttle.ts';
import type { AccountStore, Authenticator, Credentials } from '../domain/accounts/ports.ts';
import type { Home, HomeView, ViewOptions } from '../domain/home/ports.ts';
import type { Clock } from '../lib/clock.ts';
import type { Person, SignIn, SignInOutcome } from '../surfaces/ftp/ports.ts';

export interface FtpSignInOptions {
  accounts: Authenticator;
  store: Pick<AccountStore, 'findUserById'>;
  home: Home;
  /** Of an account, as its programs run; of the name of the setting, and anonymous, null. */
  idsOf(accountId: number | null): ViewOptions['ids'];
  isHomePerUser: boolean;
  /** FTP_USER. */
  user: { readonly name: string; readonly password: string } | null;
  allowsAnonymous: boolean;
  clock: Clock;
}

const minute = 60_000;

/**
 * Who comes in by FTP: accounts by password or token, and FTP_USER, who has no account and may do nothing else. Wrong
 * passwords of that name count like those of an account.
 */
export function createFtpSignIn(options: FtpSignInOptions): SignIn {
  const { accounts, user, clock, allowsAnonymous } = options;
  const wrong = new LoginThrottle({
    freeFailures: 4,
    initialDelayMs: 1_000,
    maxDelayMs: 5 * minute,
    forgetMs: 60 * minute,
    maxKeys: 20_000,
    clock,
  });

  const bySetting = async (password: string, address: string): Promise<SignInOutcome | null> => {
    if (!user) return null;
    const key = toAddressKey(address);
    const waitMs = wrong.waitMs(key);
    if (waitMs > 0) return { outcome: 'wait', retryAfterSeconds: Math.ceil(waitMs / 1_000) };
    if (!isEqual(password, user.password)) {
      wrong.fail(key);
      return null;
    }
    wrong.clear(key);
    return { outcome: 'accepted', person: await withoutAccount(options, user.name, { isReadOnly: false }) };
  };

  return {
    anonymous: allowsAnonymous ? () => withoutAccount(options, 'anonymous', { isReadOnly: true }) : null,
    signIn: async (name, password, { address }) => {
      const outcome = user?.name === name ? await bySetting(password, address) : null;
      if (outcome) return outcome;
      const credentials: Credentials = { kind: 'basic', name, password };
      const result = await accounts.authenticate(credentials, { address });
      if (result.outcome !== 'accepted') return result;
      const person = await withAccount(options, result.principal, credentials, address);
      return person ? { outcome: 'accepted', person } : { outcome: 'refused' };
    },
  };
}

async function withoutAccount(
  { home, idsOf }: FtpSignInOptions,
  name: string,
  { isReadOnly }: { isReadOnly: boolean },
): Promise<Person> {
  const view = await home.view({ account: `ftp:${name}`, ids: idsOf(null), isReadOnly, folder: null });
  return { name: `ftp:${name}`, view, renew: async () => view };
}

/** Null: they may not see the home directory. */
async function withAccount(
  options: FtpSignInOptions,
  principal: Principal,
  credentials: Credentials,
  address: string,
): Promise<Person | null> {
  const { accounts, store } = options;
  const { accountId, name } = principal.actor;
  const find = async (): ReturnType<AccountStore['findUserById']> =>
    accountId === null ? null : store.findUserById(accountId);
  const view = await viewFor(options, principal);
  if (!view) return null;
  const first = await find();
  const renew = async (): Promise<HomeView | null> => {
    if (principal.via === 'token') {
      const result = await accounts.authenticate(credentials, { address });
      return result.outcome === 'accepted' ? viewFor(options, result.principal) : null;
    }
    // Checking the password again would cost a quarter of a second of the processor each time.
    const user = await find();
    if (!user || user.disabledAt !== null || user.passwordHash !== first?.passwordHash) return null;
    return viewFor(options, { ...principal, actor: { ...principal.actor, role: user.role } });
  };
  return { name, view, renew };
}

async function viewFor(
  { home, idsOf, isHomePerUser }: FtpSignInOptions,
  principal: Principal,
): Promise<HomeView | null> {
  if (!can(principal, 'home.read')) return null;
  const { accountId, name } = principal.actor;
  return home.view({
    account: `account:${accountId}`,
    ids: idsOf(accountId),
    isReadOnly: !can(principal, 'home.change'),
    folder: isHomePerUser ? name : null,
  });
}

function isEqual(a: string, b: string): boolean {
  const hash = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(hash(a), hash(b));
}
