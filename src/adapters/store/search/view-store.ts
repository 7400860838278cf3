import type { View } from '../../../contract/view.ts';
import type { ViewStore } from '../../../domain/diary/ports.ts';
import type { Database } from '../database.ts';

const columns = 'owner, name, filter, is_shared as shared, changed_at as "changedAt"';
const named = 'lower(owner) = lower($1) and lower(name) = lower($2)';

type ViewRow = Omit<View, 'changedAt'> & { changedAt: Date };

export function createViewStore(db: Database): ViewStore {
  return {
    list: async (owner) => {
      const rows = await db.query<ViewRow>(
        `select ${columns} from views where lower(owner) = lower($1) or is_shared order by lower(name), lower(owner)`,
        [owner],
      );
      return rows.map(toView);
    },
    find: async (owner, name) => {
      const [row] = await db.query<ViewRow>(`select ${columns} from views where ${named}`, [owner, name]);
      return row ? toView(row) : null;
    },
    put: async ({ owner, name, filter, shared }) => {
      await db.query(
        `insert into views (owner, name, filter, is_shared) values ($1, $2, $3, $4)
         on conflict (lower(owner), lower(name)) do update
         set name = excluded.name, filter = excluded.filter, is_shared = excluded.is_shared, changed_at = now()`,
        [owner, name, filter, shared],
      );
    },
    remove: async (owner, name) =>
      (await db.query(`delete from views where ${named} returning 1`, [owner, name])).length > 0,
  };
}

function toView({ changedAt, ...row }: ViewRow): View {
  return { ...row, changedAt: changedAt.toISOString() };
}
