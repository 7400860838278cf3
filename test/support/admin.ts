import { createPasswordHasher } from '../../src/domain/accounts/passwords.ts';
import { createAccountStore } from '../../src/adapters/store/account-store.ts';
import type { Database } from '../../src/adapters/store/database.ts';

export const adminPassword = 'the admin of a test';
export const adminAuthorization = `Basic ${Buffer.from(`admin:${adminPassword}`).toString('base64')}`;

/**
 * The first admin, made before a server could. To check a password costs a quarter of a second of the processor; the
 * cost stands in the hash, and this one's is next to nothing, for hundreds of servers and people signing in.
 */
export async function addAdmin(db: Database): Promise<void> {
  const passwordHash = await createPasswordHasher({ N: 16, r: 1, p: 1 }).hash(adminPassword);
  const admin = { name: 'admin', displayName: 'Administrator', role: 'admin', passwordHash } as const;
  await createAccountStore(db).insertFirstUser(admin, new Date());
}
