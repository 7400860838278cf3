import type { ScheduleRun } from '../../contract/schedule.ts';
import type { JobState } from '../../contract/states.ts';
import type {
  NewScheduleRow,
  PendingRun,
  ScheduleStore,
  StoredSchedule,
} from '../../domain/schedules/ports.ts';
import type { Database } from './database.ts';
import { liveJobs } from './jobs/live.ts';

const columns = `s.id, s.name, s.note, s.cron, s.timezone, s.overlap, s.missed, s.missed_limit as "missedLimit",
  s.starts_at as "startsAt", s.ends_at as "endsAt", s.blackouts, s.jitter_seconds as "jitterSeconds",
  s.is_paused as paused, s.submit, s.owner, s.owner_id as "ownerId",
  not exists (select from users u where u.id = s.owner_id) as "ownerIsGone", s.cursor, s.next_at as "nextAt", s.created_at as "createdAt",
  s.changed_at as "changedAt", s.changed_by as "changedBy"`;

const runColumns = `r.due_at as "dueAt", r.last_due_at as "lastDueAt", r.moments, r.outcome, r.message,
  r.asked_by as by, r.decided_at as "decidedAt", job.id as "jobId", job.state as "jobState", job.verdict,
  job.verdict_tone as tone, job.started_at as "startedAt", job.ended_at as "endedAt"`;

/** Column and value of each member that may be written. */
const writable = {
  name: ['name', (value: unknown) => value],
  note: ['note', (value: unknown) => value],
  cron: ['cron', (value: unknown) => value],
  timezone: ['timezone', (value: unknown) => value],
  overlap: ['overlap', (value: unknown) => value],
  missed: ['missed', (value: unknown) => value],
  missedLimit: ['missed_limit', (value: unknown) => value],
  startsAt: ['starts_at', (value: unknown) => value],
  endsAt: ['ends_at', (value: unknown) => value],
  blackouts: ['blackouts', (value: unknown) => JSON.stringify(value)],
  jitterSeconds: ['jitter_seconds', (value: unknown) => value],
  paused: ['is_paused', (value: unknown) => value],
  submit: ['submit', (value: unknown) => JSON.stringify(value)],
  owner: ['owner', (value: unknown) => value],
  ownerId: ['owner_id', (value: unknown) => value],
  cursor: ['cursor', (value: unknown) => value],
  nextAt: ['next_at', (value: unknown) => value],
} as const satisfies Record<keyof NewScheduleRow, readonly [string, (value: unknown) => unknown]>;

/** A second one that decides waits here for the first, and then finds the cursor elsewhere. */
const moveCursor = `update schedules set cursor = $3, next_at = $4
where id = $1 and date_trunc('milliseconds', cursor) = $2 and not is_paused returning id`;

export function createScheduleStore(db: Database): ScheduleStore {
  return {
    list: async () => {
      const rows = await db.query<ScheduleRow & Partial<RunRow>>(
        `select ${columns}, ${runColumns} from schedules s
         left join lateral (select * from schedule_runs where schedule_id = s.id order by due_at desc, id desc limit 1) r on true
         left join job_rows job on job.id = r.job_id
         order by lower(s.name)`,
      );
      return rows.map((row) => {
        const { id: _id, cursor: _cursor, ...schedule } = toSchedule(row);
        return { ...schedule, lastRun: hasRun(row) ? toRun(row) : null };
      });
    },

    find: async (name) => {
      const [row] = await db.query<ScheduleRow>(
        `select ${columns} from schedules s where lower(s.name) = lower($1)`,
        [name],
      );
      return row ? toSchedule(row) : null;
    },

    lastRun: async (id) => (await readRuns(db, id, { before: null, limit: 1 }))[0] ?? null,

    add: async (row) => {
      const members = Object.keys(writable) as (keyof NewScheduleRow)[];
      const inserted = await db.query(
        `insert into schedules (${members.map((member) => writable[member][0]).join(', ')}, changed_by)
         values (${members.map((_, index) => `$${index + 1}`).join(', ')}, $${members.length + 1})
         on conflict (lower(name)) do nothing returning id`,
        [...members.map((member) => writable[member][1](row[member])), row.owner],
      );
      return inserted.length > 0;
    },

    change: async (id, change, by) => {
      const members = Object.keys(change) as (keyof NewScheduleRow)[];
      const sets = members.map((member, index) => `${writable[member][0]} = $${index + 3}`);
      const isTaken = `exists (select 1 from schedules o where lower(o.name) = lower($1) and o.id <> $2)`;
      if (change.name !== undefined) {
        const [row] = await db.query<{ taken: boolean }>(`select ${isTaken} as taken`, [change.name, id]);
        if (row?.taken) return 'name_taken';
      }
      const changed = await db.query(
        `update schedules set ${[...sets, 'changed_at = now()', 'changed_by = $2'].join(', ')} where id = $1 returning id`,
        [id, by, ...members.map((member) => writable[member][1](change[member]))],
      );
      return changed.length > 0 ? 'changed' : 'gone';
    },

    remove: async (id) =>
      (await db.query('delete from schedules where id = $1 returning id', [id])).length > 0,

    ahead: async (now, limit) => {
      const rows = await db.query<ScheduleRow>(
        `select ${columns} from schedules s
         where s.cursor > $1::timestamptz + interval '1 minute' and not s.is_paused order by s.id limit $2`,
        [now, limit],
      );
      return rows.map(toSchedule);
    },

    correct: ({ id, cursor }, { now, cursor: moved, nextAt }) =>
      db.transaction(async (tx) => {
        const claimed = await tx.query(moveCursor, [id, cursor, moved, nextAt]);
        if (claimed.length === 0) return false;
        await tx.query(
          `update schedule_runs set asked_by = 'system:clock',
             message = coalesce(message, 'The clock was ahead when this was decided.')
           where schedule_id = $1 and due_at > $2 and asked_by is null`,
          [id, now],
        );
        return true;
      }),

    due: async (now, limit) => {
      const rows = await db.query<ScheduleRow>(
        `select ${columns} from schedules s where s.next_at <= $1 order by s.next_at limit $2`,
        [now, limit],
      );
      return rows.map(toSchedule);
    },

    decide: ({ id, cursor }, { decisions, cursor: moved, nextAt }) =>
      db.transaction(async (tx) => {
        const claimed = await tx.query(moveCursor, [id, cursor, moved, nextAt]);
        if (claimed.length === 0) return false;
        await tx.query(
          `insert into schedule_runs (schedule_id, due_at, last_due_at, moments, outcome)
           select $1, d.due_at, d.last_due_at, d.moments, d.outcome
           from unnest($2::timestamptz[], $3::timestamptz[], $4::integer[], $5::text[]) as d (due_at, last_due_at, moments, outcome)
           on conflict (schedule_id, due_at) where asked_by is null do nothing`,
          [
            id,
            decisions.map(({ dueAt }) => dueAt),
            decisions.map(({ lastDueAt }) => lastDueAt),
            decisions.map(({ moments }) => moments),
            decisions.map(({ outcome }) => outcome),
          ],
        );
        return true;
      }),

    ask: async (id, at, by) => {
      const [row] = await db.query<{ id: number }>(
        `insert into schedule_runs (schedule_id, due_at, outcome, asked_by) values ($1, $2, 'pending', $3) returning id`,
        [id, at, by],
      );
      if (!row) throw new Error('an insert returns its row');
      return row.id;
    },

    pending: async (limit) => {
      const rows = await db.query<{ id: number }>(
        `select id from schedule_runs where outcome = 'pending' order by id limit $1`,
        [limit],
      );
      return rows.map(({ id }) => id);
    },

    findPending: (runId) => findPending(db, runId),

    conclude: async (runId, { outcome, jobId, message }) => {
      await db.query(
        `update schedule_runs set outcome = $2, job_id = $3, message = $4
         where id = $1 and (outcome = 'pending' or $2 = 'submitted')`,
        [runId, outcome, jobId ?? null, message ?? null],
      );
    },

    runs: (id, page) => readRuns(db, id, page),

    runsSince: async (since, most) => {
      const rows = await db.query<RunRow & { name: string }>(
        `select s.name, ${runColumns} from schedules s
         cross join lateral (
           select * from schedule_runs where schedule_id = s.id and due_at >= $1 order by due_at desc, id desc limit $2
         ) r
         left join job_rows job on job.id = r.job_id
         order by lower(s.name), r.due_at desc, r.id desc`,
        [since, most],
      );
      return rows.map((row) => ({ name: row.name, run: toRun(row) }));
    },
  };
}

async function readRuns(
  db: Database,
  id: number,
  { before, limit }: { before: Date | null; limit: number },
): Promise<ScheduleRun[]> {
  const rows = await db.query<RunRow>(
    `select ${runColumns} from schedule_runs r left join job_rows job on job.id = r.job_id
     where r.schedule_id = $1 and r.due_at < $2 order by r.due_at desc, r.id desc limit $3`,
    [id, before ?? 'infinity', limit],
  );
  return rows.map(toRun);
}

async function findPending(db: Database, runId: number): Promise<PendingRun | null> {
  const [row] = await db.query<ScheduleRow & { dueAt: Date; isAsked: boolean }>(
    `select ${columns}, r.due_at as "dueAt", r.asked_by is not null as "isAsked"
     from schedule_runs r join schedules s on s.id = r.schedule_id where r.id = $1 and r.outcome = 'pending'`,
    [runId],
  );
  if (!row) return null;
  const schedule = toSchedule(row);
  const unfinished = await db.query<{ id: number; state: JobState }>(
    `select t.job_id as id, t.state from ${liveJobs} t join schedule_runs r on r.job_id = t.job_id
     where r.schedule_id = $1 order by 1`,
    [schedule.id],
  );
  return { runId, dueAt: row.dueAt, isAsked: row.isAsked, schedule, unfinished };
}

interface ScheduleRow extends Omit<
  StoredSchedule,
  'startsAt' | 'endsAt' | 'nextAt' | 'createdAt' | 'changedAt'
> {
  startsAt: Date | null;
  endsAt: Date | null;
  nextAt: Date | null;
  createdAt: Date;
  changedAt: Date;
}

function toSchedule(row: ScheduleRow): StoredSchedule {
  return {
    id: row.id,
    name: row.name,
    note: row.note,
    cron: row.cron,
    timezone: row.timezone,
    overlap: row.overlap,
    missed: row.missed,
    missedLimit: row.missedLimit,
    startsAt: row.startsAt?.toISOString() ?? null,
    endsAt: row.endsAt?.toISOString() ?? null,
    blackouts: row.blackouts,
    jitterSeconds: row.jitterSeconds,
    paused: row.paused,
    submit: row.submit,
    owner: row.owner,
    ownerId: row.ownerId,
    ownerIsGone: row.ownerIsGone,
    cursor: row.cursor,
    nextAt: row.nextAt?.toISOString() ?? null,
    createdAt: row.createdAt.toISOString(),
    changedAt: row.changedAt.toISOString(),
    changedBy: row.changedBy,
  };
}

interface RunRow {
  dueAt: Date;
  lastDueAt: Date | null;
  moments: number;
  outcome: ScheduleRun['outcome'];
  message: string | null;
  by: string | null;
  decidedAt: Date;
  jobId: number | null;
  jobState: JobState;
  verdict: string | null;
  tone: 'good' | 'warn' | 'bad';
  startedAt: Date | null;
  endedAt: Date | null;
}

function hasRun(row: Partial<RunRow>): row is RunRow {
  return row.dueAt instanceof Date;
}

function toRun(row: RunRow): ScheduleRun {
  return {
    dueAt: row.dueAt.toISOString(),
    lastDueAt: row.lastDueAt?.toISOString() ?? null,
    moments: row.moments,
    outcome: row.outcome,
    message: row.message,
    by: row.by,
    decidedAt: row.decidedAt.toISOString(),
    job:
      row.jobId === null
        ? null
        : {
            id: row.jobId,
            state: row.jobState,
            verdict: row.verdict === null ? null : { text: row.verdict, tone: row.tone },
            startedAt: row.startedAt?.toISOString() ?? null,
            endedAt: row.endedAt?.toISOString() ?? null,
          },
  };
}
