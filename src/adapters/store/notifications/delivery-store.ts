import type { NotificationDelivery } from '../../../contract/notification.ts';
import type {
  DueDelivery,
  NewDelivery,
  Notice,
  NotificationStore,
  ToldJob,
} from '../../../domain/notifications/ports.ts';
import type { Database, Queryable } from '../database.ts';
import { randomUUID } from 'node:crypto';
import { ruleColumns, toRule, type RuleRow } from './rule-rows.ts';

type DeliveryMembers =
  | 'waiting'
  | 'notices'
  | 'told'
  | 'compose'
  | 'addDeliveries'
  | 'takeDue'
  | 'conclude'
  | 'deliveries'
  | 'unsubscribe'
  | 'unsubscribed';

/** Further messages of a rule within this time become one. */
const latelyMinutes = 10;

export function createDeliveryStore(db: Database): Pick<NotificationStore, DeliveryMembers> {
  return {
    waiting: async () => {
      const rows = await db.query<RuleRow & { oldest: Date; count: number; messagesLately: number }>(
        `select ${ruleColumns}, w.oldest, w.count, (
           select count(distinct n.message) from notification_deliveries n
           where n.rule_id = r.id
             and n.created_at between now() - make_interval(mins => $1) and now() + interval '1 minute'
         ) as "messagesLately"
         from (
           select rule_id, min(created_at) as oldest, count(*) as count
           from notification_notices where message is null group by rule_id
         ) w join notification_rules r on r.id = w.rule_id`,
        [latelyMinutes],
      );
      return rows.map((row) => ({
        rule: toRule(row),
        oldest: row.oldest,
        count: row.count,
        messagesLately: row.messagesLately,
      }));
    },

    notices: (ruleId, limit) =>
      db.query<Notice>(
        `select id, rule_id as "ruleId", event, key, job_id as "jobId", text, created_at as "createdAt"
         from notification_notices where rule_id = $1 and message is null order by id limit $2`,
        [ruleId, limit],
      ),

    told: async (jobIds) => {
      const rows = await db.query<
        Omit<ToldJob, 'verdict'> & { verdict: string | null; tone: 'good' | 'warn' | 'bad' }
      >(
        `select job.id, job.name, job.kind, job.owner, job.project, job.state, job.reason, job.message, job.verdict, job.verdict_tone as tone,
           job.family, a.error_line as "errorLine"
         from job_rows job left join attempt_rows a on a.job_id = job.id and a.number = job.attempt
         where job.id = any($1::bigint[])`,
        [jobIds],
      );
      return new Map(
        rows.map(({ tone, verdict, ...row }) => [
          row.id,
          { ...row, verdict: verdict === null ? null : { text: verdict, tone } },
        ]),
      );
    },

    compose: (noticeIds, deliveries) =>
      db.transaction(async (tx) => {
        const message = randomUUID();
        const taken = await tx.query(
          'update notification_notices set message = $2 where id = any($1::bigint[]) and message is null returning id',
          [noticeIds, message],
        );
        // Somebody else has told of some of them: what is left is composed anew.
        if (taken.length !== noticeIds.length) throw new Error('notices were taken meanwhile');
        await insert(tx, message, deliveries);
      }),

    addDeliveries: (deliveries) => insert(db, randomUUID(), deliveries),

    takeDue: (limit, holdMs, only) =>
      db.query<DueDelivery>(
        `update notification_deliveries d set tries = d.tries + 1, next_try_at = now() + make_interval(secs => $2::float8 / 1000)
         from (
           select id from notification_deliveries
           where state = 'pending' and ($3::bigint[] is null or id = any($3::bigint[])) and (
             next_try_at <= now() or id = any($3::bigint[])
             -- Nobody is made to wait so long, but by a clock that was ahead.
             or next_try_at > now() + interval '2 hours'
           )
           order by next_try_at limit $1 for update skip locked
         ) due
         where d.id = due.id
         returning d.id, d.rule_id as "ruleId", d.channel, d.target, d.subject, d.body, d.notices, d.data, d.tries,
           d.created_at as "createdAt"`,
        [limit, holdMs, only ?? null],
      ),

    conclude: async (id, end) => {
      await db.query(
        `update notification_deliveries
         set state = $2, answer = $3, next_try_at = $4, sent_at = case when $2 = 'sent' then now() end
         where id = $1`,
        [id, end.state, end.answer, end.state === 'pending' ? end.nextTryAt : null],
      );
    },

    deliveries: async (ruleId, { before, limit, refused = false }) => {
      const rows = await db.query<
        Omit<NotificationDelivery, 'createdAt' | 'nextTryAt' | 'sentAt'> & {
          createdAt: Date;
          nextTryAt: Date | null;
          sentAt: Date | null;
        }
      >(
        `select id, channel, target, subject, body, notices, state, tries, answer, created_at as "createdAt",
           next_try_at as "nextTryAt", sent_at as "sentAt"
         from notification_deliveries
         where rule_id = $1 and ($2::bigint is null or id < $2)
           and (not $4 or state = 'failed' or (state = 'pending' and answer is not null))
         order by id desc limit $3`,
        [ruleId, before, limit, refused],
      );
      return rows.map((row) => ({
        ...row,
        createdAt: row.createdAt.toISOString(),
        nextTryAt: row.nextTryAt?.toISOString() ?? null,
        sentAt: row.sentAt?.toISOString() ?? null,
      }));
    },

    unsubscribe: async (ruleId, address) => {
      await db.query(
        `insert into notification_unsubscribed (rule_id, address)
         select id, lower($2) from notification_rules where id = $1 on conflict do nothing`,
        [ruleId, address],
      );
    },

    unsubscribed: async (ruleId) => {
      const rows = await db.query<{ address: string }>(
        'select address from notification_unsubscribed where rule_id = $1',
        [ruleId],
      );
      return new Set(rows.map(({ address }) => address));
    },
  };
}

async function insert(db: Queryable, message: string, deliveries: readonly NewDelivery[]): Promise<number[]> {
  const ids: number[] = [];
  for (const { ruleId, channel, target, subject, body, notices, data } of deliveries) {
    const [row] = await db.query<{ id: number }>(
      `insert into notification_deliveries (rule_id, message, channel, target, subject, body, notices, data)
       values ($1, $2, $3, $4, $5, $6, $7, $8) returning id`,
      [ruleId, message, channel, target, subject, body, notices, JSON.stringify(data)],
    );
    if (row) ids.push(row.id);
  }
  return ids;
}
