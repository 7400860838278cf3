import type { NotificationStore, RunningJob } from '../../../domain/notifications/ports.ts';
import type { Database } from '../database.ts';
import { isSqlError } from '../sqlstates.ts';
import { createDeliveryStore } from './delivery-store.ts';
import { advance, insertNotices } from './notices.ts';
import { ruleColumns, toColumns, toRule, type RuleRow } from './rule-rows.ts';

export function createNotificationStore(db: Database): NotificationStore {
  return {
    ...createDeliveryStore(db),

    rules: async () => {
      const rows = await db.query<RuleRow>(`select ${ruleColumns} from notification_rules r order by r.id`);
      return rows.map(toRule);
    },

    find: async (id) => {
      const [row] = await db.query<RuleRow>(
        `select ${ruleColumns} from notification_rules r where r.id = $1`,
        [id],
      );
      return row ? toRule(row) : null;
    },

    add: async (rule, { owner, ownerId }) => {
      const members = toColumns(rule);
      const [row] = await db.query<RuleRow>(
        `insert into notification_rules as r (owner, owner_id, ${members.map(({ column }) => column).join(', ')})
         values ($1, $2, ${members.map((_, index) => `$${index + 3}`).join(', ')})
         on conflict (lower(owner), lower(name), owner_id) do nothing returning ${ruleColumns}`,
        [owner, ownerId, ...members.map(({ value }) => value)],
      );
      if (!row) return null;
      // What ends from now on counts, though nobody may look for a moment.
      await db.query(
        `insert into notification_position (position) values (pg_snapshot_xmin(pg_current_snapshot())::text || '-0')
         on conflict do nothing`,
      );
      return toRule(row);
    },

    change: async (id, change) => {
      const members = toColumns(change);
      const sets = [...members.map(({ column }, index) => `${column} = $${index + 2}`), 'changed_at = now()'];
      try {
        const [row] = await db.query<RuleRow>(
          `update notification_rules as r set ${sets.join(', ')} where r.id = $1 returning ${ruleColumns}`,
          [id, ...members.map(({ value }) => value)],
        );
        return row ? toRule(row) : null;
      } catch (error) {
        if (isSqlError(error, 'uniqueViolation')) return 'taken';
        throw error;
      }
    },

    remove: async (id) =>
      (await db.query('delete from notification_rules where id = $1 returning id', [id])).length > 0,

    position: async () => {
      const [row] = await db.query<{ position: string }>('select position from notification_position');
      return row?.position ?? null;
    },
    forgetPosition: async () => void (await db.query('delete from notification_position')),
    advance: (look) => db.transaction((tx) => advance(tx, look)),
    notify: (notices) => insertNotices(db, notices),

    running: () =>
      db.query<RunningJob>(
        // The last chunk of an attempt that runs grows; its day is that of the claim.
        `select job.id, r.number as attempt, job.kind, job.name,
           concat_ws(' ', c.number, c.stdout_lines, c.stderr_lines, c.stdout_bytes, c.stderr_bytes, r.progress) as signs,
           extract(epoch from now() - r.claimed_at) * 1000 as "elapsedMs"
         from running r join jobs job on job.id = r.job_id
         left join lateral (
           select * from output_chunks o
           where o.day = (r.claimed_at at time zone 'UTC')::date and o.job_id = r.job_id and o.attempt = r.number
           order by o.number desc limit 1
         ) c on true
         order by r.job_id limit 10000`,
      ),
  };
}
