import type { SecureContext } from 'node:tls';
import type { HomeView } from '../../domain/home/ports.ts';
import type { Logger } from '../../lib/logger.ts';
import type { IsAllowedPeer } from './addresses.ts';
import type { PortRange } from './data/passive-ports.ts';

/** Somebody who signed in. */
export interface Person {
  /** For the audit: the account, or how the way in is called. */
  name: string;
  /** The home directory, as they may use it. */
  view: HomeView;
  /** What they may do by now; null: they may not come in any more (disabled, revoked, another password). */
  renew(): Promise<HomeView | null>;
}

export type SignInOutcome =
  | { outcome: 'accepted'; person: Person }
  | { outcome: 'refused' }
  | { outcome: 'wait'; retryAfterSeconds: number };

/** Who may come in. Throws when that cannot be found out now. */
export interface SignIn {
  signIn(name: string, password: string, options: { address: string }): Promise<SignInOutcome>;
  /** Without an account, to look and fetch; null: nobody. */
  anonymous: (() => Promise<Person>) | null;
}

export interface FtpAuditEntry {
  actor: string;
  /** `home.upload`: the noun, dot, verb. */
  action: string;
  target?: string;
  details?: Record<string, unknown>;
}

/** Records who did what, after it was done. Never throws. */
export type FtpAudit = (entry: FtpAuditEntry, options: { address: string }) => Promise<void>;

/** Certificates as they are now. */
export interface TlsContexts {
  /** As good as the other side can. */
  readonly usual: SecureContext;
  /** For what comes in on data connections. */
  readonly uploads: SecureContext;
}

export interface FtpSettings {
  passivePorts: PortRange;
  /** What PASV answers instead of the address of this machine, for clients beyond a NAT. */
  publicAddress: string | undefined;
  /** Neither passwords nor data in clear. */
  requiresTls: boolean;
  /** Of a session, between two commands. */
  idleMs: number;
  /** Of a transfer, without a byte. */
  stallMs: number;
  /** Until somebody is signed in. */
  loginMs: number;
  /** Of one transfer; 0: as fast as it goes. */
  bytesPerSecond: number;
}

/** What every session works with. */
export interface FtpServices {
  settings: FtpSettings;
  signIn: SignIn;
  /** Null: there is no certificate. */
  tls: { contexts(): Promise<TlsContexts> } | null;
  isAllowedPeer: IsAllowedPeer;
  audit: FtpAudit;
  logger: Logger;
}
