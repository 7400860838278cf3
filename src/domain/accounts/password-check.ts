import { createHmac, createSecretKey, randomBytes } from 'node:crypto';
import { userName } from '../../contract/accounts.ts';
import type { Clock } from '../../lib/clock.ts';
import { LoginThrottle, toAddressKey } from './login-throttle.ts';
import type { PasswordHasher } from './passwords.ts';
import type { AccountStore, UserRecord } from './ports.ts';

export type PasswordOutcome =
  | { outcome: 'accepted'; user: UserRecord }
  | { outcome: 'refused' }
  | { outcome: 'wait'; retryAfterSeconds: number };

export interface PasswordCheck {
  /** Asks the store and does the work, each time. For signing in. */
  check(name: string, password: string, address: string): Promise<PasswordOutcome>;
  /** The same, but a password that was right is remembered for 30 s. For clients that send it with every request. */
  checkOften(name: string, password: string, address: string): Promise<PasswordOutcome>;
  /** Users changed: everything remembered is forgotten, also what is being verified now. */
  forget(): void;
}

export interface PasswordCheckOptions {
  store: Pick<AccountStore, 'findUser'>;
  hasher: PasswordHasher;
  clock: Clock;
}

const rememberMs = 30_000;
const maxRemembered = 1_000;

/**
 * Passwords against the store, with growing delays for wrong ones: per user and address, so that a stranger
 * elsewhere never locks somebody out, and, far later, per address, so that one address cannot go through all users.
 */
export function createPasswordCheck({ store, hasher, clock }: PasswordCheckOptions): PasswordCheck {
  const minute = 60_000;
  const byUser = new LoginThrottle({
    freeFailures: 4,
    initialDelayMs: 1_000,
    maxDelayMs: 5 * minute,
    forgetMs: 60 * minute,
    maxKeys: 20_000,
    clock,
  });
  const byAddress = new LoginThrottle({
    freeFailures: 50,
    initialDelayMs: 1_000,
    maxDelayMs: 10_000,
    forgetMs: 15 * minute,
    maxKeys: 20_000,
    clock,
  });
  // A key of this process alone: a memory dump shows no password, and no plain hash of one to guess against. As an object,
  // because from bytes one would be made anew for each request.
  const key = createSecretKey(randomBytes(32));
  const remembered = new Map<string, { user: UserRecord; untilMs: number }>();
  const running = new Map<string, Promise<PasswordOutcome>>();
  let generation = 0;

  // The database folds more letters than names may have (İ becomes i), so another spelling would find a user, and count
  // wrong passwords as those of somebody else.
  const findUser = async (name: string): Promise<UserRecord | null> =>
    userName.safeParse(name).success ? store.findUser(name) : null;

  const check: PasswordCheck['check'] = async (name, password, address) => {
    const addressKey = toAddressKey(address);
    const userKey = `${foldName(name)} ${addressKey}`;
    const waitMs = Math.max(byUser.waitMs(userKey), byAddress.waitMs(addressKey));
    if (waitMs > 0) return { outcome: 'wait', retryAfterSeconds: Math.ceil(waitMs / 1_000) };
    // Counted before the work: a hundred tries at once must not all find the counter at zero.
    byUser.fail(userKey);
    const user = await findUser(name).catch((error: unknown) => {
      byUser.undo(userKey);
      throw error;
    });
    const usable = user !== null && user.disabledAt === null;
    const right = await hasher.verify(password, usable ? user.passwordHash : null);
    if (usable && right) {
      byUser.clear(userKey);
      return { outcome: 'accepted', user };
    }
    byAddress.fail(addressKey);
    return { outcome: 'refused' };
  };

  const checkAndRemember = async (
    id: string,
    ...input: [string, string, string]
  ): Promise<PasswordOutcome> => {
    const startedIn = generation;
    const result = await check(...input);
    if (result.outcome === 'accepted' && generation === startedIn) {
      const [oldest] = remembered.keys();
      if (remembered.size >= maxRemembered && oldest !== undefined) remembered.delete(oldest);
      remembered.set(id, { user: result.user, untilMs: clock.monotonicMs() + rememberMs });
    }
    return result;
  };

  return {
    check,
    checkOften: async (name, password, address) => {
      const id = createHmac('sha256', key)
        .update(`${foldName(name)}\0${password}`)
        .digest('base64');
      const known = remembered.get(id);
      if (known && known.untilMs > clock.monotonicMs()) return { outcome: 'accepted', user: known.user };
      remembered.delete(id);
      // Fifty requests of one client at its start are one verification. By address, too: its delay is its own.
      const runningId = `${id} ${address}`;
      const same = running.get(runningId);
      if (same) return same;
      const started = checkAndRemember(id, name, password, address).finally(() => running.delete(runningId));
      running.set(runningId, started);
      return started;
    },
    forget: () => {
      generation += 1;
      remembered.clear();
      running.clear();
    },
  };
}

/** As the database compares names; whatever is no name is one and the same nobody. */
function foldName(name: string): string {
  return userName.safeParse(name).success ? name.toLowerCase() : '';
}
