import { roles, type Actor, type Role } from './actor.ts';

/**
 * The one permission table: what may be asked → the least role that may ask it. `public` needs nobody,
 * `signed-in` anybody who is known. `-others` is asked in addition when the thing belongs to someone else.
 */
export const permissions = {
  'health.read': 'public',
  'docs.read': 'public',
  'pages.read': 'public',
  'sessions.create': 'public',
  'predecessors.open': 'public',
  'metrics.open': 'public',
  'profile.read': 'signed-in',
  'profile.change': 'signed-in',
  'tokens.own': 'signed-in',
  'jobs.read': 'viewer',
  'jobs.submit': 'member',
  'jobs.cancel': 'member',
  'jobs.cancel-others': 'operator',
  'jobs.import': 'operator',
  'jobs.change': 'member',
  'jobs.change-others': 'operator',
  'views.read': 'viewer',
  'views.change': 'member',
  'views.change-others': 'operator',
  'queues.read': 'viewer',
  'queues.change': 'operator',
  'workers.read': 'viewer',
  'workers.change': 'operator',
  'lanes.read': 'viewer',
  'lanes.change': 'operator',
  'home.read': 'viewer',
  'home.change': 'member',
  'scripts.read': 'viewer',
  'scripts.change': 'operator',
  'secrets.read': 'operator',
  'secrets.change': 'operator',
  'schedules.read': 'viewer',
  'schedules.change': 'member',
  'schedules.change-others': 'operator',
  'notifications.own': 'member',
  'notifications.change-others': 'operator',
  'notifications.send-anywhere': 'operator',
  'notifications.unsubscribe': 'public',
  'stats.read': 'viewer',
  'users.read': 'admin',
  'users.change': 'admin',
  'audit.read': 'admin',
  'retention.read': 'admin',
  'retention.change': 'admin',
  'server.read': 'admin',
} as const satisfies Record<string, Role | 'public' | 'signed-in'>;

export type Permission = keyof typeof permissions;

/** What somebody may do whose role is known, whatever they showed to come in. */
export function isAllowed(actor: Actor, permission: Permission): boolean {
  return can({ actor, scopes: ['all'], via: 'session', credentialId: null }, permission);
}

/** What an action on many jobs needs, and what it needs for jobs of others in addition. */
export function permissionsOf({ action }: { action: string }): { own: Permission; others: Permission } {
  return action === 'cancel'
    ? { own: 'jobs.cancel', others: 'jobs.cancel-others' }
    : { own: 'jobs.change', others: 'jobs.change-others' };
}

export const tokenScopes = ['read', 'submit', 'all'] as const;

/** What a token may do of what its owner may: look, also submit and cancel jobs, or everything. */
export type TokenScope = (typeof tokenScopes)[number];

/** Who asks, and how far the credential they showed reaches. */
export interface Principal {
  actor: Actor;
  scopes: readonly TokenScope[];
  via: 'session' | 'token' | 'password';
  /** The session or token used; null for a password. */
  credentialId: number | null;
}

const submitScope: ReadonlySet<Permission> = new Set([
  'jobs.submit',
  'jobs.cancel',
  'jobs.cancel-others',
] satisfies Permission[]);

/** True when the table lets this principal (null: nobody) do it. Needs no database and never throws. */
export function can(principal: Principal | null, permission: Permission): boolean {
  const least = permissions[permission];
  if (least === 'public') return true;
  if (!principal) return false;
  if (!principal.scopes.some((scope) => scopeReaches(scope, permission))) return false;
  return least === 'signed-in' || roles.indexOf(principal.actor.role) >= roles.indexOf(least);
}

function scopeReaches(scope: TokenScope, permission: Permission): boolean {
  switch (scope) {
    case 'all':
      return true;
    case 'submit':
      return submitScope.has(permission) || scopeReaches('read', permission);
    case 'read':
      return permission.endsWith('.read');
  }
}
