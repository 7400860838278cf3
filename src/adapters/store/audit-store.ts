import type { AuditStore, AuditRecord } from '../../domain/accounts/ports.ts';
import type { Database } from './database.ts';

/** The audit log in PostgreSQL. */
export function createAuditStore(db: Database): AuditStore {
  return {
    record: async (entry, at) => {
      await db.query(
        `insert into audit (at, actor, action, target, details, address, request_id)
        values ($1, $2, $3, $4, $5, $6, $7)`,
        [
          at,
          entry.actor,
          entry.action,
          entry.target,
          JSON.stringify(entry.details),
          entry.address,
          entry.requestId,
        ],
      );
    },
    list: (query) =>
      db.query<AuditRecord>(
        `select id, at, actor, action, target, details, address, request_id as "requestId" from audit
        where ($1::bigint is null or id < $1)
          and ($2::text is null or actor = $2)
          and ($3::text is null or action = $3 or starts_with(action, $3 || '.'))
          and ($4::text is null or target = $4)
          and ($5::timestamptz is null or at >= $5)
          and ($6::timestamptz is null or at < $6)
        order by id desc limit $7`,
        [query.before, query.actor, query.action, query.target, query.since, query.until, query.limit],
      ),
  };
}
