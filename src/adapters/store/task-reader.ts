import type { Actor } from '../../contract/actor.ts';
import type { AttemptState, FailureReason, JobState } from '../../contract/states.ts';
import { toRetcode } from '../../contract/retcode.ts';
import type { Day, TaskReader, TaskRow } from '../../domain/diary/task-ports.ts';
import type { Database } from './database.ts';
import { Conditions, visibleTo } from './jobs/conditions.ts';

const tasks = `
  select j.id, j.uid, j.submitted_at as created, i.input, j.state as "jobState", j.ended_at as "jobEnded",
    a.state, a.reason, a.exit_code as "exitCode", a.signal, coalesce(a.launched_at, a.claimed_at) as started,
    a.ended_at as finished, a.free_before_kib as "freeBeforeKib", a.free_after_kib as "freeAfterKib"
  from jobs j join job_inputs i on i.job_id = j.id
  left join attempts a on a.job_id = j.id and a.number = j.attempt and a.state <> 'released'`;

interface Row extends Omit<TaskRow, 'retcode'> {
  jobState: JobState;
  jobEnded: Date | null;
  state: AttemptState | null;
  reason: FailureReason | null;
  exitCode: number | null;
  signal: string | null;
}

export function createTaskReader(db: Database): TaskReader {
  return {
    byId: async (id, actor) => (await read(db, scripts(actor).add('j.id = ?', id)))[0] ?? null,
    byUid: async (uid, actor) => (await read(db, scripts(actor).add('j.uid = ?', uid)))[0] ?? null,
    ofDay: (day, actor) => read(db, onDay(scripts(actor), day)),
    countOfDay: async (day, actor) => {
      const conditions = onDay(scripts(actor), day);
      const [row] = await db.query<{ count: number }>(
        `select count(*) from jobs j where ${conditions.text}`,
        conditions.values,
      );
      return row?.count ?? 0;
    },
    daysOfMonth: (timezone, actor) => daysOfMonth(db, timezone, actor),
    diskOfMonth: (timezone, limit, actor) => diskOfMonth(db, { timezone, limit }, actor),
  };
}

function scripts(actor: Actor): Conditions {
  return visibleTo(new Conditions().add("j.kind = 'script'"), actor);
}

/** PostgreSQL's own time zone table says when the day begins and ends, so that days of 23 and 25 hours are right. */
function onDay(conditions: Conditions, { date, timezone }: Day): Conditions {
  const day = 'coalesce(?::date, (now() at time zone ?)::date)';
  return conditions
    .add(`j.submitted_at >= (${day})::timestamp at time zone ?`, date, timezone, timezone)
    .add(`j.submitted_at < (${day} + 1)::timestamp at time zone ?`, date, timezone, timezone);
}

async function read(db: Database, conditions: Conditions): Promise<TaskRow[]> {
  const rows = await db.query<Row>(
    `${tasks} where ${conditions.text} order by j.submitted_at, j.id`,
    conditions.values,
  );
  return rows.map(toTask);
}

function toTask({ jobState, jobEnded, state, reason, exitCode, signal, ...task }: Row): TaskRow {
  if (state !== null) return { ...task, retcode: toRetcode({ state, reason, exitCode, signal }) };
  // Ended without an attempt: cancelled while it waited.
  const isCancelled = jobState === 'cancelled';
  return { ...task, finished: jobEnded, retcode: isCancelled ? 143 : null };
}

function daysOfMonth(
  db: Database,
  timezone: string,
  actor: Actor,
): Promise<{ day: string; tasks: number }[]> {
  const conditions = scripts(actor);
  const zone = conditions.value(timezone);
  return db.query(
    `select d::date::text as day, count(j.id) as tasks
     from generate_series(date_trunc('month', now() at time zone ${zone}), now() at time zone ${zone}, interval '1 day') d
     left join jobs j on ${conditions.text}
       and j.submitted_at >= d at time zone ${zone} and j.submitted_at < (d + interval '1 day') at time zone ${zone}
     group by d order by d`,
    conditions.values,
  );
}

function diskOfMonth(
  db: Database,
  { timezone, limit }: { timezone: string; limit: number },
  actor: Actor,
): Promise<{ at: Date; freeKib: number }[]> {
  const conditions = scripts(actor);
  const zone = conditions.value(timezone);
  const most = conditions.value(limit);
  return db.query(
    `select at, "freeKib" from (
       select a.ended_at as at, a.free_after_kib as "freeKib", row_number() over (order by a.ended_at) as n, count(*) over () as total
       from attempts a join jobs j on j.id = a.job_id
       where ${conditions.text} and a.free_after_kib is not null
         and j.submitted_at >= date_trunc('month', now() at time zone ${zone}) at time zone ${zone}
     ) all_of_month
     where n % greatest(1, total / ${most}::int) = 0 or n = total order by at`,
    conditions.values,
  );
}
