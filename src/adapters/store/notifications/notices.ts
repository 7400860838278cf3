import type { NewNotice, NotificationStore, StreakStep } from '../../../domain/notifications/ports.ts';
import type { Queryable } from '../database.ts';

/** The position is the fence: of two that looked at the same events, the second finds it moved and stores nothing. */
export async function advance(
  tx: Queryable,
  { from, to, notices, steps }: Parameters<NotificationStore['advance']>[0],
): Promise<boolean> {
  const moved = await tx.query(
    from === null
      ? 'insert into notification_position (position) values ($1) on conflict do nothing returning position'
      : 'update notification_position set position = $1 where position = $2 returning position',
    from === null ? [to] : [to, from],
  );
  if (moved.length === 0) return false;
  await insertNotices(tx, [...notices, ...(await stepStreaks(tx, steps))]);
  return true;
}

export async function insertNotices(db: Queryable, notices: readonly NewNotice[]): Promise<void> {
  if (notices.length === 0) return;
  await db.query(
    // A rule that was removed meanwhile has nothing to tell.
    `insert into notification_notices (rule_id, event, key, job_id, text)
     select n.rule_id, n.event, n.key, n.job_id, n.text
     from unnest($1::bigint[], $2::text[], $3::text[], $4::bigint[], $5::text[]) as n (rule_id, event, key, job_id, text)
     join notification_rules r on r.id = n.rule_id
     on conflict (rule_id, event, key) do nothing`,
    [
      notices.map(({ ruleId }) => ruleId),
      notices.map(({ event }) => event),
      notices.map(({ key }) => key),
      notices.map(({ jobId }) => jobId),
      notices.map(({ text }) => text),
    ],
  );
}

/** One after the other: a failure and the success after it may come in one page. */
async function stepStreaks(tx: Queryable, steps: readonly StreakStep[]): Promise<NewNotice[]> {
  const turns: NewNotice[] = [];
  for (const { ruleId, jobId, kind, name, hasFailed } of steps) {
    const [turn] = await tx.query<{ events: string[] }>(hasFailed ? begin : end, [ruleId, kind, name, jobId]);
    const event = hasFailed ? 'first_failure' : 'recovered';
    if (turn?.events.includes(event)) turns.push({ ruleId, event, key: String(jobId), jobId, text: null });
  }
  return turns;
}

const begin = `
with begun as (
  insert into notification_failing (rule_id, kind, name_hash, since_job_id)
  select r.id, $2, sha256(convert_to($3, 'UTF8')), $4 from notification_rules r where r.id = $1
  on conflict do nothing returning rule_id
)
select r.events from begun b join notification_rules r on r.id = b.rule_id`;

/** A success that was submitted before the failure, and only ended later, recovers nothing. */
const end = `
with ended as (
  delete from notification_failing
  where rule_id = $1 and kind = $2 and name_hash = sha256(convert_to($3, 'UTF8')) and since_job_id < $4
  returning rule_id
)
select r.events from ended e join notification_rules r on r.id = e.rule_id`;
