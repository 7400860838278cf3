import type { SealedSecret, SecretStore } from '../../domain/secrets/ports.ts';
import type { Database } from './database.ts';

// As JSON: numbers in an array of bigint would come as texts.
const columns = `name, sealed, note, to_json(user_ids) as "userIds",
  case when user_ids is not null then array(select u.name from users u where u.id = any(user_ids) order by lower(u.name)) end as users,
  created_by as "createdBy", created_at as "createdAt", changed_at as "changedAt"`;

export function createSecretStore(db: Database): SecretStore {
  return {
    list: () => db.query<SealedSecret>(`select ${columns} from secrets order by name`),
    find: (names) =>
      db.query<SealedSecret>(`select ${columns} from secrets where name = any($1::text[])`, [names]),
    put: async ({ name, sealed, note, userIds, createdBy }) => {
      await db.query(
        `insert into secrets (name, sealed, note, user_ids, created_by) values ($1, $2, $3, $4, $5)
         on conflict (name) do update
           set sealed = excluded.sealed, note = excluded.note, user_ids = excluded.user_ids, changed_at = now()`,
        [name, sealed, note, userIds, createdBy],
      );
    },
    accountsOf: async (names) => {
      const rows = await db.query<{ name: string; id: number }>(
        'select n.name, u.id from unnest($1::text[]) n (name) join users u on lower(u.name) = lower(n.name)',
        [names],
      );
      return new Map(rows.map(({ name, id }) => [name, id]));
    },
    remove: async (name) =>
      (await db.query('delete from secrets where name = $1 returning name', [name])).length > 0,
  };
}
