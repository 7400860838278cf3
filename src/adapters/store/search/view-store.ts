import type { View } from '../../../contract/view.ts';
import type { ViewStore } from '../../../domain/diary/ports.ts';
import type { Database } from '../database.ts';

const columns = 'owner, owner_id as "ownerId", name, filter, is_shared as shared, changed_at as "changedAt"';
const ofOwner = 'lower(owner) = lower($1) and owner_id is not distinct from $2::bigint';
const named = `${ofOwner} and lower(name) = lower($3)`;

type ViewRow = Omit<View, 'changedAt'> & { changedAt: Date };

export function createViewStore(db: Database): ViewStore {
  return {
    list: async ({ owner, ownerId }) => {
      const rows = await db.query<ViewRow>(
        `select ${columns} from views where (${ofOwner}) or is_shared order by lower(name), lower(owner), owner_id`,
        [owner, ownerId],
      );
      return rows.map(toView);
    },
    find: async ({ owner, ownerId }, name) => {
      const [row] = await db.query<ViewRow>(`select ${columns} from views where ${named}`, [
        owner,
        ownerId,
        name,
      ]);
      return row ? toView(row) : null;
    },
    findShared: async (owner, name) => {
      const [row] = await db.query<ViewRow>(
        `select ${columns} from views where lower(owner) = lower($1) and lower(name) = lower($2) and is_shared
         order by owner_id desc nulls last limit 1`,
        [owner, name],
      );
      return row ? toView(row) : null;
    },
    put: async ({ owner, ownerId, name, filter, shared }) => {
      await db.query(
        `insert into views (owner, owner_id, name, filter, is_shared) values ($1, $2, $3, $4, $5)
         on conflict (lower(owner), lower(name), owner_id) do update
         set name = excluded.name, filter = excluded.filter, is_shared = excluded.is_shared, changed_at = now()`,
        [owner, ownerId, name, filter, shared],
      );
    },
    remove: async ({ owner, ownerId }, name) =>
      (await db.query(`delete from views where ${named} returning 1`, [owner, ownerId, name])).length > 0,
  };
}

function toView({ changedAt, ...row }: ViewRow): View {
  return { ...row, changedAt: changedAt.toISOString() };
}
