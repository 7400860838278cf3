import type { NotificationStore, StoredNotificationRule } from '../../../domain/notifications/ports.ts';

export const ruleColumns = `r.id, r.name, r.owner, r.owner_id as "ownerId",
  not exists (select from users u where u.id = r.owner_id) as "ownerIsGone", r.filter, r.events, r.channel, r.subject, r.body,
  r.digest_minutes as "digestMinutes", r.stuck_minutes as "stuckMinutes", r.disk_below_gib as "diskBelowGib",
  r.is_paused as paused, r.created_at as "createdAt", r.changed_at as "changedAt"`;

export interface RuleRow extends Omit<StoredNotificationRule, 'createdAt' | 'changedAt'> {
  createdAt: Date;
  changedAt: Date;
}

export function toRule(row: RuleRow): StoredNotificationRule {
  return {
    id: row.id,
    name: row.name,
    owner: row.owner,
    ownerId: row.ownerId,
    ownerIsGone: row.ownerIsGone,
    filter: row.filter,
    events: row.events,
    channel: row.channel,
    subject: row.subject,
    body: row.body,
    digestMinutes: row.digestMinutes,
    stuckMinutes: row.stuckMinutes,
    diskBelowGib: row.diskBelowGib,
    paused: row.paused,
    createdAt: row.createdAt.toISOString(),
    changedAt: row.changedAt.toISOString(),
  };
}

/** What may be written of a rule. */
type RuleChange = Parameters<NotificationStore['change']>[1];

const columns = {
  owner: 'owner',
  ownerId: 'owner_id',
  name: 'name',
  filter: 'filter',
  events: 'events',
  channel: 'channel',
  subject: 'subject',
  body: 'body',
  digestMinutes: 'digest_minutes',
  stuckMinutes: 'stuck_minutes',
  diskBelowGib: 'disk_below_gib',
  paused: 'is_paused',
} as const satisfies Record<keyof RuleChange, string>;

/** Column and value of each member that is said. */
export function toColumns(change: RuleChange): { column: string; value: unknown }[] {
  return Object.entries(change).flatMap(([member, value]) =>
    value === undefined
      ? []
      : {
          column: columns[member as keyof typeof columns],
          value: member === 'channel' ? JSON.stringify(value) : value,
        },
  );
}
