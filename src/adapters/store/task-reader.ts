import type { Actor } from '../../contract/actor.ts';
import { bucketEdges, dateIn, isoDateIn, momentOf } from '../../contract/calendar.ts';
import type { AttemptState, FailureReason, JobState } from '../../contract/states.ts';
import { toRetcode } from '../../contract/retcode.ts';
import type { Day, TaskReader, TaskRow } from '../../domain/diary/task-ports.ts';
import type { Database } from './database.ts';
import { Conditions, visibleTo } from './jobs/conditions.ts';

const tasks = `
  select job.id, job.uid, job.submitted_at as created, i.input, job.state as "jobState", job.reason as "jobReason", job.ended_at as "jobEnded",
    a.state, a.reason, a.exit_code as "exitCode", a.signal, coalesce(a.launched_at, a.claimed_at) as started,
    a.ended_at as finished, a.free_before_kib as "freeBeforeKib", a.free_after_kib as "freeAfterKib"
  from job_rows job join job_inputs i on i.job_id = job.id
  left join attempt_rows a on a.job_id = job.id and a.number = job.attempt and a.state <> 'released'`;

interface Row extends Omit<TaskRow, 'retcode'> {
  jobState: JobState;
  jobReason: FailureReason | null;
  jobEnded: Date | null;
  state: AttemptState | null;
  reason: FailureReason | null;
  exitCode: number | null;
  signal: string | null;
}

export function createTaskReader(db: Database): TaskReader {
  return {
    byId: async (id, actor) => (await read(db, scripts(actor).add('job.id = ?', id)))[0] ?? null,
    byUid: async (uid, actor) => (await read(db, scripts(actor).add('job.uid = ?', uid)))[0] ?? null,
    ofDay: (day, actor) => read(db, onDay(scripts(actor), day)),
    countOfDay: async (day, actor) => {
      const conditions = onDay(scripts(actor), day);
      const [row] = await db.query<{ count: number }>(
        `select count(*) from jobs job where ${conditions.text}`,
        conditions.values,
      );
      return row?.count ?? 0;
    },
    daysOfMonth: (timezone, actor) => daysOfMonth(db, timezone, actor),
    diskOfMonth: (timezone, limit, actor) => diskOfMonth(db, { timezone, limit }, actor),
  };
}

function scripts(actor: Actor): Conditions {
  return visibleTo(new Conditions().add("job.kind = 'script'"), actor);
}

function onDay(conditions: Conditions, { date, timezone }: Day): Conditions {
  const [year, month, day] = date?.split('-').map(Number) ?? dateIn(timezone, Date.now());
  const startOf = (number: number): Date => new Date(momentOf([year ?? 0, month ?? 1, number], timezone));
  return conditions
    .add('job.submitted_at >= ?', startOf(day ?? 1))
    .add('job.submitted_at < ?', startOf((day ?? 1) + 1));
}

async function read(db: Database, conditions: Conditions): Promise<TaskRow[]> {
  const rows = await db.query<Row>(
    `${tasks} where ${conditions.text} order by job.submitted_at, job.id`,
    conditions.values,
  );
  return rows.map(toTask);
}

function toTask({ jobState, jobReason, jobEnded, state, reason, exitCode, signal, ...task }: Row): TaskRow {
  // Taken over from elsewhere, where it never began or nobody saw its end.
  if (jobState === 'unknown') return { ...task, started: null, finished: null, retcode: null };
  if (state !== null) return { ...task, retcode: toRetcode({ state, reason, exitCode, signal }) };
  if (jobState !== 'cancelled' && jobState !== 'failed')
    return { ...task, finished: jobEnded, retcode: null };
  // Ended without an attempt: cancelled while it waited, or never to be started.
  const end = { state: jobState, reason: jobReason, exitCode: null, signal: null };
  return { ...task, finished: jobEnded, retcode: toRetcode(end) };
}

async function daysOfMonth(
  db: Database,
  timezone: string,
  actor: Actor,
): Promise<{ day: string; tasks: number }[]> {
  const now = new Date();
  const edges = bucketEdges({ from: startOfMonth(timezone, now), until: now, bucket: 'day', timezone });
  const conditions = scripts(actor);
  const starts = conditions.value(edges.slice(0, -1));
  const ends = conditions.value(edges.slice(1));
  const rows = await db.query<{ start: Date; tasks: number }>(
    `select d.start, count(job.id) as tasks
     from unnest(${starts}::timestamptz[], ${ends}::timestamptz[]) d (start, until)
     left join jobs job on ${conditions.text} and job.submitted_at >= d.start and job.submitted_at < d.until
     group by d.start order by d.start`,
    conditions.values,
  );
  return rows.map(({ start, tasks }) => ({ day: isoDateIn(timezone, start.getTime()), tasks }));
}

function startOfMonth(timezone: string, at: Date): Date {
  const [year, month] = dateIn(timezone, at.getTime());
  return new Date(momentOf([year, month, 1], timezone));
}

function diskOfMonth(
  db: Database,
  { timezone, limit }: { timezone: string; limit: number },
  actor: Actor,
): Promise<{ at: Date; freeKib: number }[]> {
  const conditions = scripts(actor);
  const since = conditions.value(startOfMonth(timezone, new Date()));
  const most = conditions.value(limit);
  return db.query(
    `select at, "freeKib" from (
       select a.ended_at as at, a.free_after_kib as "freeKib", row_number() over (order by a.ended_at) as n, count(*) over () as total
       from attempts a join jobs job on job.id = a.job_id
       where ${conditions.text} and a.free_after_kib is not null
         and job.submitted_at >= ${since}
     ) all_of_month
     where n % greatest(1, total / ${most}::int) = 0 or n = total order by at`,
    conditions.values,
  );
}
