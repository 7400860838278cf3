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

export function systemActor(part: string): Actor {
  return { name: `system:${part}`, accountId: null, role: 'admin' };
}
