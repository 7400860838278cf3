export const roles = ['viewer', 'member', 'operator', 'admin'] as const;

/** Each role may do what the ones before it may. */
export type Role = (typeof roles)[number];

/** Who asks: a person, a token of theirs, or a part of the system (`system:rescuer`). */
export interface Actor {
  /** Shown in events and as owner of what they submit. */
  name: string;
  accountId: number | null;
  role: Role;
}

/** What belongs to somebody. */
export interface Owned {
  /** Who it was, for people to read and filter by. */
  owner: string;
  /** The account whose it is; null: of nobody who has one. */
  ownerId: number | null;
}

export function ownerOf({ name, accountId }: Pick<Actor, 'name' | 'accountId'>): Owned {
  return { owner: name, ownerId: accountId };
}

/**
 * Whether this is theirs. The account decides, never its name, which another person may get later. Who has no account,
 * such as an older client that does not sign in, owns what bears the same name and is of no account.
 */
export function isOwner({ owner, ownerId }: Owned, actor: Pick<Actor, 'name' | 'accountId'>): boolean {
  return ownerId === actor.accountId && (ownerId !== null || owner === actor.name);
}

/** Tells one who submits from every other one, for ever: idempotency keys count within it. No name begins with `#`. */
export function keyScopeOf({ owner, ownerId }: Owned): string {
  return ownerId === null ? owner : `#${ownerId}`;
}

export function systemActor(part: string): Actor {
  return { name: `system:${part}`, accountId: null, role: 'admin' };
}
