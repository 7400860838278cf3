import type { Actor } from '../../contract/actor.ts';
import type { AccountStore } from './ports.ts';

/** Who somebody is now, with the role of today; null when the account is gone or disabled. */
export async function findActor(store: Pick<AccountStore, 'findUser'>, name: string): Promise<Actor | null> {
  const user = await store.findUser(name);
  return user && user.disabledAt === null ? { name: user.name, accountId: user.id, role: user.role } : null;
}
