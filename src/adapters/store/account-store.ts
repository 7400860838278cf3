import type { RemovedUser } from '../../contract/accounts.ts';
import type {
  AccountStore,
  IdentityRecord,
  NewUser,
  SessionRecord,
  TokenRecord,
  UserChange,
  UserRecord,
} from '../../domain/accounts/ports.ts';
import type { Database, Queryable } from './database.ts';
import { liveJobs } from './jobs/live.ts';
import { isRowError } from './sqlstates.ts';

const userColumns = `users.id, users.name, users.display_name as "displayName", users.role,
  users.password_hash as "passwordHash", users.disabled_at as "disabledAt", users.created_at as "createdAt"`;
const sessionColumns = `sessions.id as "sessionId", sessions.created_at as "sessionCreatedAt",
  sessions.last_seen_at as "lastSeenAt", sessions.expires_at as "expiresAt", sessions.address,
  sessions.user_agent as "userAgent"`;
const tokenColumns = `tokens.id as "tokenId", tokens.name as "tokenName", tokens.scopes,
  tokens.created_at as "tokenCreatedAt", tokens.created_by as "createdBy", tokens.expires_at as "expiresAt",
  tokens.last_used_at as "lastUsedAt"`;

type SessionRow = Omit<SessionRecord, 'id' | 'createdAt'> & { sessionId: number; sessionCreatedAt: Date };
type TokenRow = Omit<TokenRecord, 'id' | 'name' | 'createdAt'> & {
  tokenId: number;
  tokenName: string;
  tokenCreatedAt: Date;
};

/** Accounts in PostgreSQL. */
export function createAccountStore(db: Database): AccountStore {
  return {
    ...createUserStore(db),
    ...createIdentityStore(db),
    ...createSessionStore(db),
    ...createTokenStore(db),
  };
}

type UserMethods =
  | 'insertFirstUser'
  | 'insertUser'
  | 'findUser'
  | 'findUserById'
  | 'listUsers'
  | 'updateUser'
  | 'deleteUser';
type IdentityMethods =
  | 'findUserByIdentity'
  | 'insertUserWithIdentity'
  | 'linkIdentity'
  | 'touchIdentity'
  | 'listIdentities'
  | 'unlinkIdentity';

/** What a person names it by: issuer and subject are long, and the subject says nothing. */
const identityId = `encode(sha256(convert_to(issuer || chr(10) || subject, 'UTF8')), 'hex')`;
const identityColumns = `${identityId} as id, issuer, subject, user_id as "userId", created_at as "linkedAt", last_used_at as "lastUsedAt"`;
type SessionMethods = 'insertSession' | 'findSession' | 'touchSession' | 'listSessions' | 'deleteSession';

function createUserStore(db: Database): Pick<AccountStore, UserMethods> {
  return {
    // Two first starts cannot both insert: both want `admin`, and the second waits for the unique index, then yields.
    insertFirstUser: async (user, now) => {
      const rows = await db.query(
        `insert into users (name, display_name, role, password_hash, created_at)
        select $1, $2, $3, $4, $5 where not exists (select from users)
        on conflict (lower(name)) do nothing returning id`,
        newUserValues(user, now),
      );
      return rows.length > 0;
    },
    insertUser: async (user, now) => {
      const rows = await db.query<UserRecord>(
        `insert into users (name, display_name, role, password_hash, created_at) values ($1, $2, $3, $4, $5)
        on conflict (lower(name)) do nothing returning ${userColumns}`,
        newUserValues(user, now),
      );
      return rows[0] ?? null;
    },
    findUser: async (name) => {
      // PostgreSQL refuses such text, and nobody can have such a name.
      if (name.includes('\0')) return null;
      const text = `select ${userColumns} from users where lower(name) = lower($1)`;
      return (await db.query<UserRecord>({ name: 'find-user', text }, [name]))[0] ?? null;
    },
    findUserById: async (id) => {
      const rows = await db.query<UserRecord>(`select ${userColumns} from users where id = $1`, [id]);
      return rows[0] ?? null;
    },
    listUsers: () => db.query<UserRecord>(`select ${userColumns} from users order by lower(name)`),
    updateUser: (name, change, options) =>
      db.transaction(async (tx) => {
        const found = await lockUser(tx, name);
        if (!found) return 'missing';
        const staysAdmin = (change.role ?? 'admin') === 'admin' && change.disabled !== true;
        if (found.isLastAdmin && !staysAdmin) return 'last-admin';
        const updated = await update(tx, found.user, change, options.now);
        if (change.disabled === true || change.passwordHash !== undefined) {
          await tx.query('delete from sessions where user_id = $1 and id is distinct from $2::bigint', [
            found.user.id,
            options.keepSessionId,
          ]);
        }
        return updated;
      }),
    deleteUser: (name) =>
      db.transaction(async (tx) => {
        const found = await lockUser(tx, name);
        if (!found) return 'missing';
        if (found.isLastAdmin) return 'last-admin';
        const removed = await removeBelongings(tx, found.user.id);
        await tx.query('delete from users where id = $1', [found.user.id]);
        return removed;
      }),
  };
}

function createIdentityStore(db: Database): Pick<AccountStore, IdentityMethods> {
  return {
    findUserByIdentity: async ({ issuer, subject }) => {
      const text = `select ${userColumns} from user_identities i join users on users.id = i.user_id
        where i.issuer = $1 and i.subject = $2`;
      return (await db.query<UserRecord>(text, [issuer, subject]))[0] ?? null;
    },
    // A login at the same moment waits in the unique index, finds the identity taken, and gives its user up.
    insertUserWithIdentity: async (user, { issuer, subject }, now) => {
      const rows = await db
        .query<UserRecord>(
          `with free as (select where not exists (select from user_identities where issuer = $6 and subject = $7)),
        made as (
          insert into users (name, display_name, role, password_hash, created_at) select $1, $2, $3, $4, $5 from free
          on conflict (lower(name)) do nothing returning *
        ),
        linked as (
          insert into user_identities (issuer, subject, user_id, created_at, last_used_at)
          select $6, $7, id, $5, $5 from made
        )
        select ${userColumns} from made as users`,
          [...newUserValues(user, now), issuer, subject],
        )
        .catch((error: unknown) => {
          if (isRowError(error)) return [];
          throw error;
        });
      return rows[0] ?? null;
    },
    linkIdentity: async (userId, { issuer, subject }, now) => {
      const [row] = await db.query<{ userId: number }>(
        `insert into user_identities (issuer, subject, user_id, created_at, last_used_at) values ($1, $2, $3, $4, $4)
        on conflict (issuer, subject) do update set last_used_at = user_identities.last_used_at
        returning user_id as "userId"`,
        [issuer, subject, userId, now],
      );
      if (!row) throw new Error('an upsert returns its row');
      return row.userId;
    },
    listIdentities: (userId) =>
      db.query<IdentityRecord>(
        `select ${identityColumns} from user_identities where $1::bigint is null or user_id = $1 order by issuer, subject`,
        [userId],
      ),
    unlinkIdentity: (userId, id) =>
      db.transaction(async (tx) => {
        const [user] = await tx.query<{ hasPassword: boolean }>(
          `select password_hash is not null as "hasPassword" from users where id = $1 for update`,
          [userId],
        );
        const linked = await tx.query<IdentityRecord>(
          `select ${identityColumns} from user_identities where user_id = $1`,
          [userId],
        );
        const identity = linked.find((one) => one.id === id);
        if (!identity) return 'missing';
        if (!user?.hasPassword && linked.length === 1) return 'last-way-in';
        await tx.query('delete from user_identities where issuer = $1 and subject = $2 and user_id = $3', [
          identity.issuer,
          identity.subject,
          userId,
        ]);
        return identity;
      }),
    touchIdentity: async ({ issuer, subject }, now) => {
      await db.query('update user_identities set last_used_at = $3 where issuer = $1 and subject = $2', [
        issuer,
        subject,
        now,
      ]);
    },
  };
}

/** What is nobody's without the account goes; the rest is counted. */
async function removeBelongings(tx: Queryable, userId: number): Promise<RemovedUser> {
  const [removed] = await tx.query<RemovedUser>(
    `with views_gone as (
      delete from views where owner_id = $1 and not is_shared returning 1
    ),
    secrets_gone as (
      update secrets set user_ids = array_remove(user_ids, $1) where $1 = any(user_ids) returning 1
    )
    select
      (select count(*) from ${liveJobs} t join jobs job on job.id = t.job_id where job.owner_id = $1) as "liveJobs",
      (select count(*) from schedules where owner_id = $1) as schedules,
      (select count(*) from notification_rules where owner_id = $1) as "notificationRules",
      (select count(*) from views where owner_id = $1 and is_shared) as "sharedViews",
      (select count(*) from views_gone) as "privateViews",
      (select count(*) from secrets_gone) as secrets`,
    [userId],
  );
  if (!removed) throw new Error('a select of counts returns its row');
  return removed;
}

function newUserValues(user: NewUser, now: Date): unknown[] {
  return [user.name, user.displayName, user.role, user.passwordHash, now];
}

/**
 * Locks all enabled admins, in order, then the user. Whoever changes users holds these rows, so two demotions
 * happen one after the other, and the second sees what the first left. `no key update`: signing in refers to a
 * user's row and must not wait for us.
 */
async function lockUser(
  tx: Queryable,
  name: string,
): Promise<{ user: UserRecord; isLastAdmin: boolean } | null> {
  const admins = await tx.query<{ id: number }>(
    `select id from users where role = 'admin' and disabled_at is null order by id for no key update`,
  );
  const [user] = await tx.query<UserRecord>(
    `select ${userColumns} from users where lower(name) = lower($1) for no key update`,
    [name],
  );
  if (!user) return null;
  return { user, isLastAdmin: admins.length <= 1 && admins.some((admin) => admin.id === user.id) };
}

async function update(tx: Queryable, user: UserRecord, change: UserChange, now: Date): Promise<UserRecord> {
  const disabledAt = change.disabled === undefined ? user.disabledAt : null;
  const [updated = user] = await tx.query<UserRecord>(
    `update users set display_name = $2, role = $3, password_hash = $4, disabled_at = $5
    where id = $1 returning ${userColumns}`,
    [
      user.id,
      change.displayName ?? user.displayName,
      change.role ?? user.role,
      change.passwordHash ?? user.passwordHash,
      change.disabled === true ? (user.disabledAt ?? now) : disabledAt,
    ],
  );
  return updated;
}

function createSessionStore(db: Database): Pick<AccountStore, SessionMethods> {
  return {
    insertSession: async (session, { now, idleMs }) => {
      await db.query('delete from sessions where expires_at <= $1 or last_seen_at <= $2', [
        now,
        new Date(now.getTime() - idleMs),
      ]);
      const [row] = await db.query<SessionRow>(
        `insert into sessions (user_id, secret_hash, created_at, last_seen_at, expires_at, address, user_agent)
        values ($1, $2, $3, $3, $4, $5, $6) returning ${sessionColumns}`,
        [
          session.userId,
          session.secretHash,
          session.createdAt,
          session.expiresAt,
          session.address,
          session.userAgent,
        ],
      );
      if (!row) throw new Error('The insert of a session gave no row.');
      return toSession(row);
    },
    findSession: async (secretHash, { now, idleMs }) => {
      const text = `select ${userColumns}, ${sessionColumns} from sessions join users on users.id = user_id
        where secret_hash = $1 and expires_at > $2 and last_seen_at > $3 and disabled_at is null`;
      const values = [secretHash, now, new Date(now.getTime() - idleMs)];
      const [row] = await db.query<SessionRow & UserRecord>({ name: 'find-session', text }, values);
      return row ? { session: toSession(row), user: toUser(row) } : null;
    },
    touchSession: async (id, now) => {
      await db.query('update sessions set last_seen_at = $2 where id = $1 and last_seen_at < $2', [id, now]);
    },
    listSessions: async (userId, { now, idleMs }) => {
      const rows = await db.query<SessionRow>(
        `select ${sessionColumns} from sessions
        where user_id = $1 and expires_at > $2 and last_seen_at > $3 order by last_seen_at desc, id desc`,
        [userId, now, new Date(now.getTime() - idleMs)],
      );
      return rows.map(toSession);
    },
    deleteSession: async (userId, id) => {
      const text = 'delete from sessions where user_id = $1 and id = $2 returning id';
      return (await db.query(text, [userId, id])).length > 0;
    },
  };
}

function createTokenStore(db: Database): Omit<AccountStore, UserMethods | IdentityMethods | SessionMethods> {
  return {
    insertToken: async (token) => {
      const [row] = await db.query<TokenRow>(
        `insert into tokens (user_id, name, secret_hash, scopes, created_at, created_by, expires_at)
        values ($1, $2, $3, $4, $5, $6, $7) returning ${tokenColumns}`,
        [
          token.userId,
          token.name,
          token.secretHash,
          token.scopes,
          token.createdAt,
          token.createdBy,
          token.expiresAt,
        ],
      );
      if (!row) throw new Error('The insert of a token gave no row.');
      return toToken(row);
    },
    findToken: async (secretHash, now) => {
      const text = `select ${userColumns}, ${tokenColumns} from tokens join users on users.id = user_id
        where secret_hash = $1 and (expires_at is null or expires_at > $2) and disabled_at is null`;
      const [row] = await db.query<TokenRow & UserRecord>({ name: 'find-token', text }, [secretHash, now]);
      return row ? { token: toToken(row), user: toUser(row) } : null;
    },
    touchToken: async (id, now) => {
      await db.query(
        'update tokens set last_used_at = $2 where id = $1 and (last_used_at is null or last_used_at < $2)',
        [id, now],
      );
    },
    listTokens: async (userId) => {
      const text = `select ${tokenColumns} from tokens where user_id = $1 order by id desc`;
      return (await db.query<TokenRow>(text, [userId])).map(toToken);
    },
    deleteToken: async (userId, id) => {
      const text = 'delete from tokens where user_id = $1 and id = $2 returning id';
      return (await db.query(text, [userId, id])).length > 0;
    },
  };
}

function toUser(row: UserRecord): UserRecord {
  const { id, name, displayName, role, passwordHash, disabledAt, createdAt } = row;
  return { id, name, displayName, role, passwordHash, disabledAt, createdAt };
}

function toSession(row: SessionRow): SessionRecord {
  const { sessionId, sessionCreatedAt, lastSeenAt, expiresAt, address, userAgent } = row;
  return { id: sessionId, createdAt: sessionCreatedAt, lastSeenAt, expiresAt, address, userAgent };
}

function toToken(row: TokenRow): TokenRecord {
  const { tokenId, tokenName, scopes, tokenCreatedAt, createdBy, expiresAt, lastUsedAt } = row;
  return {
    id: tokenId,
    name: tokenName,
    scopes,
    createdAt: tokenCreatedAt,
    createdBy,
    expiresAt,
    lastUsedAt,
  };
}
