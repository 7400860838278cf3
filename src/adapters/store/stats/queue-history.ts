import { liveJobs } from '../jobs/live.ts';
import type { Actor } from '../../../contract/actor.ts';
import type { QueueHistory } from '../../../contract/stats.ts';
import type { Database } from '../database.ts';
import { Conditions, visibleTo } from '../jobs/conditions.ts';

const minuteMs = 60_000;

interface Moves {
  queue: string;
  /** Counted from 0; null: how it is now. */
  minute: number | null;
  submitted: number;
  started: number;
  ended: number;
  failed: number;
  /** Of those that ended, cancelled or rejected before they started. */
  unstarted: number;
  waiting: number;
  running: number;
}

/**
 * How many waited and ran is how many do now, less what came and went since, minute by minute backwards. Reads what was
 * submitted, started or ended in this time, each by an index, and counts what is alive.
 *
 * A job that was retried counts with its newest attempt.
 */
export async function readQueueHistory(
  db: Database,
  { minutes, now }: { minutes: number; now: Date },
  actor: Actor,
): Promise<QueueHistory> {
  const first = (Math.floor(now.getTime() / minuteMs) - minutes + 1) * minuteMs;
  const conditions = visibleTo(new Conditions(), actor);
  const placed = `join places p on p.id = t.place left join jobs job on job.id = t.job_id`;
  const from = `${conditions.value(new Date(first))}::timestamptz`;
  const rows = await db.query<Moves>(
    `select queue, case when at is not null then floor(extract(epoch from at - ${from}) / 60)::int end as minute,
       count(*) filter (where what = 'submitted') as submitted, count(*) filter (where what = 'started') as started,
       count(*) filter (where what = 'ended') as ended, count(*) filter (where what = 'ended' and state = 'failed') as failed,
       count(*) filter (where what = 'ended' and started_at is null) as unstarted,
       count(*) filter (where what is null and state <> 'running') as waiting,
       count(*) filter (where what is null and state = 'running') as running
     from (
       select p.queue, t.state, t.started_at, null::timestamptz as at, null as what from ${liveJobs} t ${placed}
         where ${conditions.text}
       union all
       select job.queue, null, null, job.submitted_at, 'submitted' from jobs job
         where job.queue is not null and job.submitted_at >= ${from} and ${conditions.text}
       union all
       select p.queue, 'running', t.claimed_at, t.claimed_at, 'started' from running t ${placed}
         where t.claimed_at >= ${from} and ${conditions.text}
       union all
       select p.queue, t.state, t.started_at, m.at, m.what from ends t ${placed}
         cross join lateral (values (t.ended_at, 'ended'), (t.started_at, 'started')) m (at, what)
         where t.ended_at >= ${from} and m.at >= ${from} and ${conditions.text}
     ) moves group by 1, 2`,
    conditions.values,
  );
  const byQueue = Map.groupBy(rows, ({ queue }) => queue);
  return {
    minutes: Array.from({ length: minutes }, (_, index) => new Date(first + index * minuteMs).toISOString()),
    queues: [...byQueue].map(([queue, moves]) => ({ queue, ...backwards(moves, minutes) })),
  };
}

function backwards(moves: readonly Moves[], minutes: number): Omit<QueueHistory['queues'][number], 'queue'> {
  const byMinute = new Map(moves.map((move) => [move.minute, move]));
  const at = (key: keyof Omit<Moves, 'queue' | 'minute'>): number[] =>
    Array.from({ length: minutes }, (_, minute) => byMinute.get(minute)?.[key] ?? 0);
  const [submitted, started, ended, unstarted] = [
    at('submitted'),
    at('started'),
    at('ended'),
    at('unstarted'),
  ];
  const waiting: number[] = [];
  const running: number[] = [];
  let waits = byMinute.get(null)?.waiting ?? 0;
  let runs = byMinute.get(null)?.running ?? 0;
  for (let minute = minutes - 1; minute >= 0; minute -= 1) {
    waiting[minute] = Math.max(0, waits);
    running[minute] = Math.max(0, runs);
    const dropped = unstarted[minute] ?? 0;
    const began = started[minute] ?? 0;
    waits -= (submitted[minute] ?? 0) - began - dropped;
    runs -= began - ((ended[minute] ?? 0) - dropped);
  }
  return { waiting, running, ended, failed: at('failed') };
}
