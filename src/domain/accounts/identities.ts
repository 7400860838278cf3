import { AppError } from '../../contract/errors.ts';
import type { Principal } from '../../contract/permissions.ts';
import type { Clock } from '../../lib/clock.ts';
import type { AccountStore, Identity, UserRecord } from './ports.ts';

export interface IdentityOptions {
  store: AccountStore;
  clock: Clock;
  /** A user changed. */
  onChange(): void;
}

export interface Identities {
  /** @throws AppError `forbidden` for a disabled user, or one that no role was given to */
  findOrCreate(identity: Identity): Promise<UserRecord>;
  link(principal: Principal, identity: Identity): Promise<void>;
}

/** More namesakes than that are no accident. */
const maxNamesakes = 100;

/**
 * Users by what an identity provider says of them. Only (issuer, subject) tells who somebody is: a name, an address, a
 * "verified" flag are what a provider lets people choose, so none of them ever opens an account that is there. A first
 * login makes a new user; an account that exists takes an identity only from the person who is signed in to it.
 */
export function createIdentities({ store, clock, onChange }: IdentityOptions): Identities {
  async function create(identity: Identity): Promise<UserRecord> {
    const role = identity.role ?? refuseWithoutRole();
    const wanted = toUserName(identity.suggestedName);
    for (let number = 1; number <= maxNamesakes; number += 1) {
      const name = number === 1 ? wanted : `${wanted.slice(0, 58)}-${number}`;
      const user = { name, displayName: identity.displayName ?? name, role, passwordHash: null };
      const created = await store.insertUserWithIdentity(user, identity, clock.now());
      if (created) return created;
      // The name is taken, or a login of the same person at the same moment was faster.
      const faster = await store.findUserByIdentity(identity);
      if (faster) return faster;
    }
    throw new AppError('conflict', `There are too many users called ${wanted}.`);
  }

  /** What the provider says of roles counts at every login, where it says anything. */
  async function adjustRole(user: UserRecord, { role, isRoleManaged }: Identity): Promise<UserRecord> {
    if (!isRoleManaged) return user;
    const wanted = role ?? refuseWithoutRole();
    if (wanted === user.role) return user;
    const updated = await store.updateUser(
      user.name,
      { role: wanted },
      { now: clock.now(), keepSessionId: null },
    );
    onChange();
    // The last admin stays one, whatever a group says: nobody could make another.
    return typeof updated === 'string' ? user : updated;
  }

  return {
    findOrCreate: async (identity) => {
      const known = await store.findUserByIdentity(identity);
      if (known?.disabledAt) {
        throw new AppError('forbidden', `The account ${known.name} is disabled. Ask an admin.`);
      }
      if (!known) return create(identity);
      await store.touchIdentity(identity, clock.now());
      return adjustRole(known, identity);
    },

    link: async ({ actor, via }, identity) => {
      if (via !== 'session' || actor.accountId === null) {
        throw new AppError('forbidden', 'Sign in with your password first; then link the account.');
      }
      const owner = await store.linkIdentity(actor.accountId, identity, clock.now());
      if (owner !== actor.accountId) {
        throw new AppError('conflict', 'That account of the identity provider belongs to another user here.');
      }
    },
  };
}

function refuseWithoutRole(): never {
  throw new AppError(
    'forbidden',
    'The identity provider gives you no group that may use this server. Ask an admin.',
  );
}

/** As the database wants names: letters, digits, `.`, `_`, `-`, starting with a letter or digit, at most 63. */
export function toUserName(suggested: string): string {
  const local = suggested.split('@')[0] ?? '';
  const plain = local
    .normalize('NFKD')
    .replaceAll(/\p{M}/gu, '')
    .replaceAll(/[^A-Za-z0-9._-]+/g, '-')
    .replace(/^[^A-Za-z0-9]+/, '')
    .slice(0, 63);
  return plain === '' ? 'user' : plain;
}
