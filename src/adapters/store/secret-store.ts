import type { SealedSecret, SecretStore } from '../../domain/secrets/ports.ts';
import type { Database } from './database.ts';

const columns = `name, sealed, note, users, created_by as "createdBy", created_at as "createdAt", changed_at as "changedAt"`;

export function createSecretStore(db: Database): SecretStore {
  return {
    list: () => db.query<SealedSecret>(`select ${columns} from secrets order by name`),
    find: (names) =>
      db.query<SealedSecret>(`select ${columns} from secrets where name = any($1::text[])`, [names]),
    put: async ({ name, sealed, note, users, createdBy }) => {
      await db.query(
        `insert into secrets (name, sealed, note, users, created_by) values ($1, $2, $3, $4, $5)
         on conflict (name) do update
           set sealed = excluded.sealed, note = excluded.note, users = excluded.users, changed_at = now()`,
        [name, sealed, note, users, createdBy],
      );
    },
    remove: async (name) =>
      (await db.query('delete from secrets where name = $1 returning name', [name])).length > 0,
  };
}
