import type { Finish, FinishedJob } from '../../jobs/ports.ts';
import type { JobState } from '../../contract/states.ts';
import { isRowError, type Queryable } from '../database.ts';

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
    program jsonb, "stdoutBytes" bigint, "stderrBytes" bigint, "errorLine" text, "familyId" text, signature text, verdict text, "verdictTone" text, result json, outcome json
  )
),
mine as materialized (
  select a.job_id, a.number from attempts a join incoming i on i."jobId" = a.job_id and i.number = a.number and i.token = a.token
  where a.state = 'running'
  order by a.job_id for update of a
),
ended as materialized (
  update attempts a set
    state = i.state, reason = i.reason, message = i.message, exit_code = i."exitCode", signal = i.signal,
    ended_at = greatest(i."endedAt", a.claimed_at), launched_at = coalesce(i."launchedAt", a.launched_at),
    free_before_kib = coalesce(i."freeBeforeKib", a.free_before_kib), free_after_kib = i."freeAfterKib",
    cpu_ms = i."cpuMs", max_rss_bytes = i."maxRssBytes", read_bytes = i."readBytes", written_bytes = i."writtenBytes", program = coalesce(i.program, a.program),
    stdout_bytes = coalesce(i."stdoutBytes", a.stdout_bytes), stderr_bytes = coalesce(i."stderrBytes", a.stderr_bytes),
    error_line = i."errorLine"
  from incoming i, mine m
  where a.job_id = i."jobId" and a.number = i.number and a.token = i.token and a.state = 'running'
    and m.job_id = a.job_id and m.number = a.number
  returning a.job_id, a.number, a.lanes, a.state, a.claimed_at, a.ended_at
),
moved as (
  update jobs j set
    -- Columns of j itself, not of a second look at the row: they are re-read should a cancel have slipped in between.
    state = case when j.cancel_requested_at is not null and i.next in ('queued', 'scheduled') then 'cancelled' else i.next end,
    ended_at = case when j.cancel_requested_at is not null or i.next not in ('queued', 'scheduled') then e.ended_at end,
    reason = case when i.next = 'failed' then i.reason end,
    message = case when j.cancel_requested_at is not null or i.next not in ('queued', 'scheduled') then i.message end,
    verdict = i.verdict, verdict_tone = i."verdictTone",
    family = case when i.next = 'failed' then i."familyId" end,
    run_at = case when i.next = 'scheduled' then i."runAt" else j.run_at end,
    released = j.released + (e.state = 'released')::int
  from ended e join incoming i on i."jobId" = e.job_id and i.number = e.number
  where j.id = e.job_id and j.attempt = e.number and j.state = 'running'
  returning j.id, j.kind, j.state, j.queue, j.needs, j.message, j.verdict
),
-- What an end says is searched, too, in a moment.
found_by as (
  insert into job_words_due (job_id)
  select id from moved where message is not null or verdict is not null order by id on conflict do nothing
),
-- Neither ended here nor ended before by this very end, told once more because the answer was lost, or because a
-- worker was killed before it could forget the program: its next life knows the end but not the outcome.
-- Looked up one by one, since there is almost never any: as joins they read both tables whole while these are small,
-- which doubled the time of the statement.
unended as materialized (
  select i.* from incoming i left join ended e on e.job_id = i."jobId" and e.number = i.number where e.job_id is null
),
stale as materialized (
  select i.* from unended i
  where (select j.id from jobs j where j.id = i."jobId") is not null
    and (
      select a.job_id from attempts a where a.job_id = i."jobId" and a.number = i.number and a.token = i.token
        and (a.state = i.state or a.reason is distinct from 'lost') and a.ended_at = greatest(i."endedAt", a.claimed_at)
    ) is null
),
late as (
  insert into late_results (job_id, attempt, token, outcome) select "jobId", number, token, outcome from stale
),
families as (
  insert into failure_families (id, signature, reason)
  select distinct on ("familyId") "familyId", signature, reason from incoming where "familyId" is not null
  order by "familyId"
  on conflict do nothing
),
results as (
  insert into job_results (job_id, attempt, result)
  select i."jobId", i.number, i.result from incoming i join moved m on m.id = i."jobId" where i.result is not null
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
  select m.id, e.ended_at, i.actor, case when m.state in ('queued', 'scheduled') then e.state else m.state end,
         json_strip_nulls(json_build_object('attempt', e.number, 'reason', i.reason, 'message', i.message, 'exitCode', i."exitCode",
           'signal', i.signal, 'next', case when m.state in ('queued', 'scheduled') then m.state end,
           'runAt', case when m.state = 'scheduled' then i."runAt" end))
  from moved m join ended e on e.job_id = m.id join incoming i on i."jobId" = m.id and i.number = e.number
  union all
  select "jobId", now(), actor, 'late result', json_build_object('attempt', number) from stale
)
select i."jobId", i.number, e.job_id is not null as applied, m.kind, m.state, m.queue, m.needs, coalesce(e.lanes, '{}') as lanes,
  (extract(epoch from e.ended_at - e.claimed_at) * 1000)::float8 as "ranMs",
  exists (select from job_dependencies d where d.on_job_id = m.id) as "hasDependants"
from incoming i
left join ended e on e.job_id = i."jobId" and e.number = i.number
left join moved m on m.id = i."jobId"`,
};

interface FinishRow {
  jobId: number;
  number: number;
  applied: boolean;
  kind: string | null;
  ranMs: number | null;
  state: JobState | null;
  queue: string | null;
  needs: string[] | null;
  lanes: string[];
  hasDependants: boolean;
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
  const rows = await db.query<FinishRow>(finishStatement, [JSON.stringify(batch.map(toRow))]);
  const byKey = new Map(rows.map((row) => [`${row.jobId}.${row.number}`, row]));
  return batch.map(({ jobId, number }): FinishedJob => {
    const row = byKey.get(`${jobId}.${number}`);
    const waitsAgain = row?.state === 'queued' || row?.state === 'scheduled';
    return {
      jobId,
      status: row?.applied ? 'applied' : 'stale',
      state: row?.state ?? null,
      place: waitsAgain && row.queue && row.needs ? { queue: row.queue, needs: row.needs } : null,
      kind: row?.kind ?? null,
      ranMs: row?.ranMs ?? 0,
      freedLanes: row?.lanes ?? [],
      hasDependants: row?.hasDependants ?? false,
    };
  });
}

function toRow({ outcome, next, family, ...rest }: Finish): object {
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
    outcome,
  };
}
