import type { RemovedUser } from '../../contract/accounts.ts';
import type { Role } from '../../contract/actor.ts';
import type { Principal, TokenScope } from '../../contract/permissions.ts';

export interface UserRecord {
  id: number;
  name: string;
  displayName: string;
  role: Role;
  /** Null: signs in at an identity provider only. */
  passwordHash: string | null;
  disabledAt: Date | null;
  createdAt: Date;
}

export type NewUser = Pick<UserRecord, 'name' | 'displayName' | 'role' | 'passwordHash'>;

export interface UserChange {
  displayName?: string | undefined;
  role?: Role | undefined;
  disabled?: boolean | undefined;
  passwordHash?: string | undefined;
}

export interface SessionRecord {
  id: number;
  createdAt: Date;
  lastSeenAt: Date;
  expiresAt: Date;
  address: string | null;
  userAgent: string | null;
}

export interface NewSession extends Omit<SessionRecord, 'id' | 'lastSeenAt'> {
  userId: number;
  secretHash: Buffer;
}

export interface TokenRecord {
  id: number;
  name: string;
  scopes: TokenScope[];
  createdAt: Date;
  createdBy: string;
  expiresAt: Date | null;
  lastUsedAt: Date | null;
}

export interface NewToken extends Omit<TokenRecord, 'id' | 'lastUsedAt'> {
  userId: number;
  secretHash: Buffer;
}

/**
 * Where accounts are kept. Names are compared without case. Every method throws AppError `database_unavailable`
 * when the database does not answer. A change that would leave no enabled admin is refused in the same
 * transaction that looks, so that two of them at once cannot both pass.
 */
export interface AccountStore {
  /** Inserts only when there is no user at all; false when there is one. Safe when servers race. */
  insertFirstUser(user: NewUser, now: Date): Promise<boolean>;
  /** Null when the name is taken. */
  insertUser(user: NewUser, now: Date): Promise<UserRecord | null>;
  findUser(name: string): Promise<UserRecord | null>;
  findUserById(id: number): Promise<UserRecord | null>;
  listUsers(): Promise<UserRecord[]>;
  /** Ends the user's sessions in the same transaction when the password changes or the user is disabled. */
  updateUser(
    name: string,
    change: UserChange,
    options: { now: Date; keepSessionId: number | null },
  ): Promise<UserRecord | 'missing' | 'last-admin'>;
  /**
   * With it go sessions, tokens, private views and rights to use secrets. What else they own stays, with the number of
   * an account that nobody will have again.
   */
  deleteUser(name: string): Promise<RemovedUser | 'missing' | 'last-admin'>;

  findUserByIdentity(identity: IdentityKey): Promise<UserRecord | null>;
  /** Both or none. Null when the name is taken, or the identity. */
  insertUserWithIdentity(user: NewUser, identity: IdentityKey, now: Date): Promise<UserRecord | null>;
  /** @returns the id of the user whom it belongs to now: another one, when it was taken */
  linkIdentity(userId: number, identity: IdentityKey, now: Date): Promise<number>;
  touchIdentity(identity: IdentityKey, now: Date): Promise<void>;
  /** Of one user, or of all; by issuer and subject. */
  listIdentities(userId: number | null): Promise<IdentityRecord[]>;
  /** Never the last way in: looked at under a lock of the user, so that two at once cannot both pass. */
  unlinkIdentity(userId: number, id: string): Promise<IdentityRecord | 'missing' | 'last-way-in'>;

  /** Also removes every session that has ended by `now`. */
  insertSession(session: NewSession, options: { now: Date; idleMs: number }): Promise<SessionRecord>;
  /** The live session of an enabled user, or null. */
  findSession(
    secretHash: Buffer,
    options: { now: Date; idleMs: number },
  ): Promise<{ session: SessionRecord; user: UserRecord } | null>;
  touchSession(id: number, now: Date): Promise<void>;
  listSessions(userId: number, options: { now: Date; idleMs: number }): Promise<SessionRecord[]>;
  /** False when this user has no such session. */
  deleteSession(userId: number, id: number): Promise<boolean>;

  insertToken(token: NewToken): Promise<TokenRecord>;
  /** The token of an enabled user that has not expired, or null. */
  findToken(secretHash: Buffer, now: Date): Promise<{ token: TokenRecord; user: UserRecord } | null>;
  touchToken(id: number, now: Date): Promise<void>;
  listTokens(userId: number): Promise<TokenRecord[]>;
  /** False when this user has no such token. */
  deleteToken(userId: number, id: number): Promise<boolean>;
}

/** Who somebody is at an identity provider. */
export interface IdentityKey {
  issuer: string;
  subject: string;
}

/** An account of an identity provider that opens one here. */
export interface IdentityRecord extends IdentityKey {
  /** A hash of the key. */
  id: string;
  userId: number;
  linkedAt: Date;
  lastUsedAt: Date;
}

/** What an identity provider says of somebody. */
export interface Identity extends IdentityKey {
  /** To make a name of; says nothing about who it is. */
  suggestedName: string;
  displayName: string | null;
  /** Null: none, so nobody who may use this server. */
  role: Role | null;
  /** True: the role counts at every login, else only at the first. */
  isRoleManaged: boolean;
}

/** What a login needs again on the way back. */
export interface LoginSecrets {
  state: string;
  nonce: string;
  verifier: string;
}

/** Where people sign in elsewhere. Everything throws AppError `provider_unavailable` when it does not answer. */
export interface IdentityProvider {
  begin(): Promise<{ url: string; secrets: LoginSecrets }>;
  /** @param query of the address people came back to, with `?`. @throws AppError `not_authenticated` */
  complete(query: string, secrets: LoginSecrets): Promise<Identity>;
  /** Null when it has no such page. */
  logoutUrl(): Promise<string | null>;
}

/** What a request shows to say who it is. */
export type Credentials =
  | { kind: 'session'; secret: string }
  | { kind: 'token'; token: string }
  | { kind: 'basic'; name: string; password: string };

export type AuthenticationOutcome =
  | { outcome: 'accepted'; principal: Principal }
  | { outcome: 'refused' }
  | { outcome: 'wait'; retryAfterSeconds: number };

/** For everything that takes requests: HTTP, FTP, MQTT. */
export interface Authenticator {
  /** Takes as long for an unknown name as for a wrong password. Throws only when the store does. */
  authenticate(credentials: Credentials, options: { address: string }): Promise<AuthenticationOutcome>;
}

export type LoginOutcome =
  | { outcome: 'signed-in'; secret: string; session: SessionRecord; user: UserRecord }
  | Exclude<AuthenticationOutcome, { outcome: 'accepted' }>;

export interface Caller {
  address: string;
  userAgent: string | null;
}

export interface NewUserInput {
  name: string;
  displayName?: string | undefined;
  role: Role;
  password: string;
}

export interface UserChangeInput extends Omit<UserChange, 'passwordHash'> {
  password?: string | undefined;
}

export interface FirstAdmin {
  name: string;
  password: string;
  /** True when we made the password up, so that it has to be shown. */
  generated: boolean;
}

/**
 * People, their sessions and tokens. Methods that change something throw AppError: `not_found` (no such user,
 * session, token), `conflict` (name taken, last enabled admin), `invalid_input` with the field.
 */
export interface Accounts extends Authenticator {
  /**
   * Makes `admin` when there is no user yet and tells its password, once; null in every later start. A password
   * from the environment only counts then: it never overwrites one that somebody has set since.
   */
  ensureFirstAdmin(passwordFromEnvironment: string | null): Promise<FirstAdmin | null>;

  login(name: string, password: string, caller: Caller): Promise<LoginOutcome>;
  /** Makes the user at the first login. @throws AppError `forbidden` */
  signInWith(identity: Identity, caller: Caller): Promise<Extract<LoginOutcome, { outcome: 'signed-in' }>>;
  /** From then on the identity opens the account of this session. @throws AppError `forbidden`, `conflict` */
  linkIdentity(principal: Principal, identity: Identity): Promise<void>;
  /** Of one user, or (null) of all. */
  listIdentities(userId: number | null): Promise<IdentityRecord[]>;
  /** From then on it opens no account. @throws AppError `not_found`, `conflict` for the last way in */
  unlinkIdentity(userId: number, id: string): Promise<IdentityRecord>;
  listSessions(userId: number): Promise<SessionRecord[]>;
  endSession(userId: number, id: number): Promise<void>;

  listUsers(): Promise<UserRecord[]>;
  findUser(name: string): Promise<UserRecord>;
  createUser(user: NewUserInput): Promise<UserRecord>;
  updateUser(name: string, change: UserChangeInput): Promise<UserRecord>;
  /** What becomes of what they own. @throws AppError `not_found`, `conflict` for the last admin */
  deleteUser(name: string): Promise<RemovedUser>;
  /** Ends the user's other sessions. Tokens stay valid. */
  changeOwnPassword(
    principal: Principal,
    passwords: { current: string; next: string },
    options: { address: string },
  ): Promise<'changed' | Exclude<AuthenticationOutcome, { outcome: 'accepted' }>>;
  /**
   * For who has access to the machine (`daybook user password --local`): sets it without the old one, ends all
   * sessions and enables the user again. Running servers notice within 30 s.
   */
  setPasswordLocally(name: string, password: string): Promise<void>;

  listTokens(userId: number): Promise<TokenRecord[]>;
  /** The secret is in the answer and nowhere else. */
  createToken(
    principal: Principal,
    token: { name: string; scopes: readonly TokenScope[]; expiresAt: Date | null },
  ): Promise<{ record: TokenRecord; secret: string }>;
  revokeToken(userId: number, id: number): Promise<void>;
}

export interface AuditEntry {
  actor: string;
  /** `users.create`, `jobs.cancel`: plural noun, dot, verb. */
  action: string;
  target: string | null;
  details: Record<string, unknown>;
  address: string | null;
  requestId: string | null;
}

export interface AuditRecord extends AuditEntry {
  id: number;
  at: Date;
}

export interface AuditQuery {
  actor?: string | undefined;
  /** The action itself, or all of one noun: `users`. */
  action?: string | undefined;
  target?: string | undefined;
  since?: Date | undefined;
  until?: Date | undefined;
  /** Entries older than this one. */
  before?: number | undefined;
  limit: number;
}

/** Who did what. Entries are only ever added. */
export interface AuditStore {
  record(entry: AuditEntry, at: Date): Promise<void>;
  /** Newest first. */
  list(query: AuditQuery): Promise<AuditRecord[]>;
}
