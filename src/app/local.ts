import { createAccounts } from '../domain/accounts/accounts.ts';
import { createAccountStore } from '../adapters/store/account-store.ts';
import { readPredecessorTasks } from '../adapters/store/predecessor-tasks.ts';
import { restoreBackup } from '../operations/backup/restore-backup.ts';
import { verifyBackup } from '../operations/backup/verify-backup.ts';
import { writeBackup } from '../operations/backup/write-backup.ts';
import { diagnose } from '../operations/doctor/doctor.ts';
import { refuseMissingDatabase, withLocalDatabase } from '../operations/local-database.ts';
import type { LocalMachine } from '../surfaces/cli/context.ts';

/** What commands do on this machine without a server: with its files, and with its database. */
export const localMachine: LocalMachine = {
  refuseMissingDatabase,
  writeBackup: (config, options) =>
    withLocalDatabase(config, 'daybook backup', (_db, connection) =>
      writeBackup({ config, connection, ...options }),
    ),
  verifyBackup,
  restoreBackup,
  readPredecessorTasks,
  diagnose,
  setPassword: (config, name, password) =>
    withLocalDatabase(config, 'daybook user', (db) =>
      createAccounts({ store: createAccountStore(db) }).setPasswordLocally(name, password),
    ),
};
