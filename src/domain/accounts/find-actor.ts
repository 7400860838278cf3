import type { Actor } from '../../contract/actor.ts';
import type { AccountStore } from './ports.ts';

/** Who somebody is now, with the role of today; null when the account is gone or disabled, or there is none. */
export async function findActor(
  store: Pick<AccountStore, 'findUserById'>,
  id: number | null,
): Promise<Actor | null> {
  const user = id === null ? null : await store.findUserById(id);
  return user && user.disabledAt === null ? { name: user.name, accountId: user.id, role: user.role } : null;
}
