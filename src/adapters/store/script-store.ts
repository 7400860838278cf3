import type { ScriptStore } from '../../domain/scripts/ports.ts';
import type { Database } from './database.ts';

export function createScriptStore(db: Database): ScriptStore {
  return {
    add: async ({ name, action, content, sha256, actor }) => {
      await db.query(
        'insert into script_versions (name, action, content, sha256, actor) values ($1, $2, $3, $4, $5)',
        [name, action, content, sha256, actor],
      );
    },
    list: (name) =>
      db.query(
        'select id, action, sha256, content, actor, at from script_versions where name = $1 order by id desc limit 200',
        [name],
      ),
  };
}
