import { attemptName } from '../../../contract/attempt.ts';
import type { Finish, FinishedJob } from '../../../domain/jobs/ports.ts';
import type { JobState } from '../../../contract/states.ts';
import type { AttemptOutput } from '../../../domain/output/ports.ts';
import type { Database, Queryable } from '../database.ts';
import { createAttemptOutput } from '../output-store.ts';
import { isRowError } from '../sqlstates.ts';
import { capsulesStep, saveCapsules, toCapsuleRow } from './keep-capsules.ts';

/**
 * Ends a batch of attempts and moves their jobs in one statement.
 *
 * An attempt ends once: the update asks for its token and for `state = 'running'`, and of two enders the second, having
 * waited for the row, sees it ended. Its outcome then goes to `late_results` and touches nothing else. The job moves
 * only if it still is at this attempt. A cancel that came while a retry was decided wins over the retry.
 *
 * Rows are taken in order of job id, lanes in order of key, so that enders and claimers cannot wait in a circle.
 */
const finishStatement = {
  name: 'finish-attempts',
  text: `
with incoming as materialized (
  select * from json_to_recordset($1::json) as r (
    "jobId" bigint, number integer, token uuid, actor text, next text, "runAt" timestamptz,
    state text, reason text, message text, "exitCode" integer, signal text, "endedAt" timestamptz,
    "launchedAt" timestamptz, "freeBeforeKib" bigint, "freeAfterKib" bigint, "cpuMs" bigint, "maxRssBytes" bigint, "readBytes" bigint, "writtenBytes" bigint,
    program jsonb, "stdoutBytes" bigint, "stderrBytes" bigint, "errorLine" text, "familyId" text, signature text, verdict text, "verdictTone" text, result json,
    "scriptSha256" text, facts json
  )
  -- Always true. An equality makes the planner expect one row, so it looks rows up by their keys; expecting many, it
  -- chose to read small tables whole, and went on while they grew.
  where number = number + 0
),
mine as materialized (
  select i.*, a.lanes from incoming i cross join lateral (
    select lanes from attempts a
    where a.job_id = i."jobId" and a.number = i.number and a.token = i.token and a.state = 'running'
    for update
  ) a
),${capsulesStep},
-- Carries along what the steps below need: see the claim.
ended as materialized (
  update attempts a set
    state = i.state, reason = i.reason, message = i.message, exit_code = i."exitCode", signal = i.signal,
    ended_at = greatest(i."endedAt", a.claimed_at), launched_at = coalesce(i."launchedAt", a.launched_at),
    free_before_kib = coalesce(i."freeBeforeKib", a.free_before_kib), free_after_kib = i."freeAfterKib",
    cpu_ms = i."cpuMs", max_rss_bytes = i."maxRssBytes", read_bytes = i."readBytes", written_bytes = i."writtenBytes", program = coalesce(i.program, a.program),
    stdout_bytes = coalesce(i."stdoutBytes", a.stdout_bytes), stderr_bytes = coalesce(i."stderrBytes", a.stderr_bytes),
    error_line = i."errorLine"
  from mine i
  where a.job_id = i."jobId" and a.number = i.number
  returning a.job_id, a.number, a.lanes, a.state, a.claimed_at, a.ended_at, i.actor, i.next, i."runAt", i.reason, i.message,
    i."exitCode", i.signal, i.verdict, i."verdictTone", i."familyId", i.result, i.next in ('queued', 'scheduled') as again
),
moved as materialized (
  update jobs j set
    -- Columns of j itself, not of a second look at the row: they are re-read should a cancel have slipped in between.
    state = case when e.again and j.cancel_requested_at is not null then 'cancelled' else e.next end,
    ended_at = case when e.again and j.cancel_requested_at is null then null else e.ended_at end,
    reason = case when e.next = 'failed' then e.reason end,
    message = case
      when e.again and j.cancel_requested_at is null then null
      when e.next = 'cancelled' and j.cancel_requested_at is not null
        then 'Cancelled by ' || j.cancel_requested_by || ' while it ran' || coalesce(': ' || j.cancel_reason, '')
      else e.message end,
    verdict = e.verdict, verdict_tone = e."verdictTone",
    family = case when e.next = 'failed' then e."familyId" end,
    run_at = case when e.next = 'scheduled' then e."runAt" else j.run_at end,
    released = j.released + (e.state = 'released')::int
  from ended e
  where j.id = e.job_id and j.attempt = e.number and j.state = 'running'
  returning j.id, j.kind, j.state, j.queue, j.needs, j.message, j.verdict, e.number, e.ended_at, e.actor, e.state as attempt_state,
    e.reason, e.message as said, e."exitCode", e.signal, e."runAt", e.result, j.ended_at is null as again
),
-- What an end says is searched, too, in a moment.
found_by as (
  insert into job_words_due (job_id)
  select id from moved where message is not null or verdict is not null order by id on conflict do nothing
),
families as (
  insert into failure_families (id, signature, reason)
  select distinct on ("familyId") "familyId", signature, reason from incoming where "familyId" is not null
  order by "familyId"
  on conflict do nothing
),
results as (
  insert into job_results (job_id, attempt, result)
  select id, number, result from moved where result is not null
  on conflict (job_id) do update set attempt = excluded.attempt, result = excluded.result
),
freed as materialized (
  select key, count(*) as n from ended e cross join lateral unnest(e.lanes) l (key) group by key
),
locked as materialized (
  select key from lanes where key in (select key from freed) order by key for update
),
emptied as (
  update lanes l set taken = greatest(0, l.taken - f.n) from freed f join locked k using (key) where l.key = f.key
),
history as (
  insert into events (job_id, at, actor, name, data)
  select id, ended_at, actor, case when again then attempt_state else state end,
         json_strip_nulls(json_build_object('attempt', number, 'reason', reason, 'message', said, 'exitCode', "exitCode",
           'signal', signal, 'next', case when again then state end,
           'runAt', case when state = 'scheduled' then "runAt" end))
  from moved
)
select job_id as "jobId", number, lanes, (extract(epoch from ended_at - claimed_at) * 1000)::float8 as "ranMs",
  null as kind, null as state, null as queue, null as needs, null as "hasDependants"
from ended
union all
select id, number, null, null, kind, state, queue, needs, exists (select from job_dependencies d where d.on_job_id = moved.id)
from moved`,
};

/**
 * Keeps outcomes that ended nothing. Of each it asks whether the attempt ended before by this very end, told once more
 * because the answer was lost, or because a worker was killed before it could forget the program: its next life knows
 * the end but not the outcome. That is no late result.
 */
const lateStatement = {
  name: 'keep-late-results',
  text: `
with incoming as materialized (
  select * from json_to_recordset($1::json) as r (
    "jobId" bigint, number integer, token uuid, actor text, state text, "endedAt" timestamptz, outcome json
  )
),
stale as materialized (
  select i.* from incoming i
  where exists (select from jobs j where j.id = i."jobId")
    and not exists (
      select from attempts a where a.job_id = i."jobId" and a.number = i.number and a.token = i.token
        and (a.state = i.state or a.reason is distinct from 'lost') and a.ended_at = greatest(i."endedAt", a.claimed_at)
    )
),
late as (
  insert into late_results (job_id, attempt, token, outcome) select "jobId", number, token, outcome from stale
)
insert into events (job_id, actor, name, data)
select "jobId", actor, 'late result', json_build_object('attempt', number) from stale`,
};

/** Of an attempt that was ended; and, where its job moved, another one of the job, which has a state. */
interface FinishRow {
  jobId: number;
  number: number;
  lanes: string[] | null;
  ranMs: number | null;
  kind: string | null;
  state: JobState | null;
  queue: string | null;
  needs: string[] | null;
  hasDependants: boolean | null;
}

/**
 * Ends every attempt of the batch. What one of them reported may be something the database refuses; then its end is
 * stored without that, and never keeps its neighbours from theirs.
 */
export async function finishAttempts(db: Queryable, batch: readonly Finish[]): Promise<FinishedJob[]> {
  try {
    return await finishBatch(db, batch);
  } catch (error) {
    if (!isRowError(error)) throw error;
    if (batch.length === 1)
      return finishBatch(
        db,
        batch.map((finish) => withoutReports(finish, error)),
      );
    const finished: FinishedJob[] = [];
    for (const finish of batch) finished.push(...(await finishAttempts(db, [finish])));
    return finished;
  }
}

/**
 * Ends an attempt that was given up. The end that its worker has on its way may come first: then the attempt stays as it
 * ended, and ours, which knows of no result, is none that came late. One attempt a transaction, as whoever writes the
 * output of several takes their chunks in an order of its own.
 */
export function loseAttempt(
  db: Database,
  finish: Finish,
  work: (output: AttemptOutput) => Promise<void>,
): Promise<FinishedJob | null> {
  return db.transaction(async (tx) => {
    const [lost] = await endBatch(tx, [finish]);
    if (lost?.status !== 'applied') return null;
    await work(createAttemptOutput(tx));
    return lost;
  });
}

function withoutReports(finish: Finish, error: Error): Finish {
  const { result: _result, ...outcome } = finish.outcome;
  const message = `${outcome.message ?? 'Ended.'} What it reported could not be kept: ${error.message}`;
  return {
    ...finish,
    outcome: {
      ...outcome,
      program: null,
      verdict: null,
      errorLine: null,
      message: message.replaceAll('\0', ''),
    },
  };
}

async function finishBatch(db: Queryable, batch: readonly Finish[]): Promise<FinishedJob[]> {
  const finished = await endBatch(db, batch);
  const late = batch.filter((_, index) => finished[index]?.status === 'stale');
  if (late.length === 0) return finished;
  await db.query(lateStatement, [JSON.stringify(late.map(toLateRow))]);
  await saveCapsules(
    db,
    late.flatMap(({ capsule }) => capsule ?? []),
  );
  return finished;
}

/** Ends what still runs, and says of each whether it did. */
async function endBatch(db: Queryable, batch: readonly Finish[]): Promise<FinishedJob[]> {
  const inOrder = batch.toSorted((a, b) => a.jobId - b.jobId);
  const rows = await db.query<FinishRow>(finishStatement, [JSON.stringify(inOrder.map(toRow))]);
  const ended = new Map(rows.flatMap((row) => (row.state === null ? [[attemptName(row), row]] : [])));
  const moved = new Map(rows.flatMap((row) => (row.state === null ? [] : [[attemptName(row), row]])));
  return batch.map((finish): FinishedJob => {
    const key = attemptName(finish);
    const [attempt, job] = [ended.get(key), moved.get(key)];
    const waitsAgain = job?.state === 'queued' || job?.state === 'scheduled';
    return {
      jobId: finish.jobId,
      status: attempt ? 'applied' : 'stale',
      state: job?.state ?? null,
      place: waitsAgain && job.queue && job.needs ? { queue: job.queue, needs: job.needs } : null,
      kind: job?.kind ?? null,
      ranMs: attempt?.ranMs ?? 0,
      freedLanes: attempt?.lanes ?? [],
      hasDependants: job?.hasDependants ?? false,
    };
  });
}

function toLateRow({ jobId, number, token, actor, outcome }: Finish): object {
  return { jobId, number, token, actor, state: outcome.state, endedAt: outcome.endedAt, outcome };
}

function toRow({ outcome, next, family, capsule, ...rest }: Finish): object {
  const { verdict, ...facts } = outcome;
  return {
    ...rest,
    ...facts,
    next: next.state,
    runAt: next.runAt,
    familyId: family?.id,
    signature: family?.signature,
    verdict: verdict?.text,
    verdictTone: verdict?.tone,
    // `null` is a result as well; a missing member becomes SQL null.
    result: outcome.result,
    ...(capsule && toCapsuleRow(capsule)),
  };
}
