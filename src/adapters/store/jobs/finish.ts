import type { Finish, FinishedJob } from '../../../domain/jobs/ports.ts';
import type { JobState } from '../../../contract/states.ts';
import type { AttemptOutput } from '../../../domain/output/ports.ts';
import {
  encodeBigintArray,
  encodeJsonArray,
  encodeTextArray,
  encodeTimeArray,
  encodeUuidArray,
} from '../array-parameters.ts';
import type { Database, Queryable, Statement } from '../database.ts';
import { createAttemptOutput } from '../output-store.ts';
import { isRowError } from '../sqlstates.ts';
import { selected } from './selected.ts';
import { capsulesStep, saveCapsules, toCapsuleRow } from './keep-capsules.ts';

/** What an end says besides the columns that each has; most of it is null. */
const facts = `(
    reason text, message text, "exitCode" integer, signal text, "launchedAt" timestamptz, "freeBeforeKib" bigint,
    "freeAfterKib" bigint, "cpuMs" bigint, "maxRssBytes" bigint, "readBytes" bigint, "writtenBytes" bigint, program jsonb,
    "stdoutBytes" bigint, "stderrBytes" bigint, "errorLine" text, "runAt" timestamptz, "familyId" text, signature text,
    verdict text, "verdictTone" text, result json, "scriptSha256" text, capsule json
  )`;

/**
 * Ends a batch of attempts and moves their jobs in one statement: out of `running`, into `ends` or back into `queued`.
 *
 * An attempt ends once: its row of `running` is deleted by its token, and of two enders the second, having waited for
 * the row, finds it gone. Its outcome then goes to `late_results` and touches nothing else. A cancel that came while a
 * retry was decided wins over the retry. Nothing is filtered after the delete: what it returned is ended.
 *
 * Rows are taken in order of job id (of the index), lanes in order of key, so that enders and claimers cannot wait in a
 * circle.
 */
export const endSteps = `
incoming as materialized (
  select distinct on (token) *
  from unnest($1::bigint[], $2::uuid[], $3::text[], $4::text[], $5::timestamptz[], $6::text[], $7::json[])
    as i (job_id, token, next, state, ended_at, actor, facts)
  order by token
),
was_running as (
  delete from running where job_id = any($1::bigint[]) and token = any($2::uuid[]) returning *
),
ended_attempts as materialized (
  select r.job_id, r.number, r.token, r.runs_by, r.worker_id, r.worker_name, r.incarnation, r.kind, r.claimed_at, r.lanes,
    r.place, r.submitted_at, r.owner, r.progress, r.cancel_requested_at, r.cancel_requested_by, r.cancel_reason,
    r.released + (i.state = 'released')::int as released, coalesce(f."launchedAt", r.launched_at) as launched_at,
    coalesce(f."freeBeforeKib", r.free_before_kib) as free_before_kib, coalesce(f.program, r.program) as program,
    coalesce(case when i.next = 'scheduled' then f."runAt" end, r.run_at) as run_at,
    i.next in ('queued', 'scheduled') and r.cancel_requested_at is null as is_tried_again,
    case when i.next in ('queued', 'scheduled') and r.cancel_requested_at is not null then 'cancelled' else i.next end as next,
    case
      when i.next = 'cancelled' and r.cancel_requested_at is not null
        then 'Cancelled by ' || r.cancel_requested_by || ' while it ran' || coalesce(': ' || r.cancel_reason, '')
      else f.message end as message,
    i.state, greatest(i.ended_at, r.claimed_at) as ended_at, i.actor, f.message as said, f.reason, f."exitCode", f.signal,
    f."freeAfterKib", f."cpuMs", f."maxRssBytes", f."readBytes", f."writtenBytes", f."stdoutBytes", f."stderrBytes",
    f."errorLine", f."familyId", f.signature, f.verdict, f."verdictTone", f.result, f."scriptSha256", f.capsule
  from was_running r join incoming i on i.job_id = r.job_id and i.token = r.token
  left join lateral json_to_record(i.facts) as f ${facts} on true
),
into_ends as (
  insert into ends (job_id, submitted_at, owner, place, state, reason, message, verdict, verdict_tone, family, progress, attempt,
    released, run_at, started_at, ended_at, cancel_requested_at, cancel_requested_by, cancel_reason)
  select job_id, submitted_at, owner, place, next, case when next = 'failed' then reason end, message, verdict, "verdictTone",
    case when next = 'failed' then "familyId" end, progress, number, released, run_at, claimed_at, ended_at,
    cancel_requested_at, cancel_requested_by, cancel_reason
  from ended_attempts where not is_tried_again
),
into_queued as (
  insert into queued (job_id, place, priority, state, run_at, attempt, released, kind, lanes, submitted_at, owner, started_at)
  select e.job_id, e.place, job.priority, e.next, e.run_at, e.number, e.released, e.kind, job.lanes, e.submitted_at, e.owner,
    e.claimed_at
  from ended_attempts e cross join lateral (select priority, lanes from jobs where id = e.job_id offset 0) job where e.is_tried_again
),
into_attempts as (
  insert into attempts (job_id, number, token, runs_by, worker_id, worker_name, incarnation, state, reason, message, exit_code,
    signal, claimed_at, launched_at, ended_at, free_before_kib, free_after_kib, cpu_ms, max_rss_bytes, read_bytes,
    written_bytes, program, stdout_bytes, stderr_bytes, lanes, error_line)
  select job_id, number, token, runs_by, worker_id, worker_name, incarnation, state, reason, said, "exitCode",
    signal, claimed_at, launched_at, ended_at, free_before_kib, "freeAfterKib", "cpuMs", "maxRssBytes", "readBytes",
    "writtenBytes", program, coalesce("stdoutBytes", 0), coalesce("stderrBytes", 0), lanes, "errorLine"
  from ended_attempts
),${capsulesStep('ended_attempts')},
-- What an end says is searched, too, in a moment.
found_by as (
  insert into job_words_due (job_id)
  select job_id from ended_attempts where not is_tried_again and (message is not null or verdict is not null) order by job_id
  on conflict do nothing
),
families as (
  insert into failure_families (id, signature, reason)
  select distinct on ("familyId") "familyId", signature, reason from ended_attempts where "familyId" is not null
  order by "familyId"
  on conflict do nothing
),
results as (
  insert into job_results (job_id, attempt, result)
  select job_id, number, result from ended_attempts where result is not null
  on conflict (job_id) do update set attempt = excluded.attempt, result = excluded.result
),
reported as (
  delete from external_leases where token = any(array(select token from ended_attempts where runs_by = 'external'))
),
freed as materialized (
  select key, count(*) as n from ended_attempts cross join lateral unnest(lanes) l (key) where lanes <> '{}' group by key
),
unlocked as materialized (
  select key from lanes where key = any(array(select key from freed)) order by key for update
),
emptied as (
  update lanes l set taken = greatest(0, l.taken - f.n) from freed f
  where l.key = any(array(select key from unlocked)) and l.key = f.key
),
end_history as (
  insert into events (job_id, at, actor, name, data)
  select job_id, ended_at, actor, case when is_tried_again then state else next end,
    json_strip_nulls(json_build_object('attempt', number, 'reason', reason, 'message', said, 'exitCode', "exitCode",
      'signal', signal, 'next', case when is_tried_again then next end, 'runAt', case when next = 'scheduled' then run_at end))
  from ended_attempts
)`;

export interface EndedRow {
  token: string;
  state: JobState;
  kind: string;
  ranMs: number;
  freedLanes: string[];
  /** Where its job waits again. */
  queue: string | null;
  needs: string[] | null;
  hasDependants: boolean;
}

/** Of an attempt that was ended. */
export const endedColumns = {
  token: 'e.token',
  state: 'e.next',
  kind: 'e.kind',
  ranMs: '(extract(epoch from e.ended_at - e.claimed_at) * 1000)::float8',
  freedLanes: 'e.lanes',
  queue: 'p.queue',
  needs: 'p.needs',
  hasDependants: 'exists (select from job_dependencies d where d.on_job_id = e.job_id offset 0)',
} as const satisfies Record<keyof EndedRow, string>;

export const endedAttempts = 'ended_attempts e left join places p on e.is_tried_again and p.id = e.place';

const finishStatement: Statement = {
  name: 'finish-attempts',
  isByKey: true,
  text: `
with ${endSteps}
select ${selected(endedColumns)} from ${endedAttempts}`,
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
  where exists (select from jobs job where job.id = i."jobId")
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
  await keepLate(db, batch, finished);
  return finished;
}

/** Keeps what ended nothing. */
export async function keepLate(
  db: Queryable,
  batch: readonly Finish[],
  finished: readonly FinishedJob[],
): Promise<void> {
  const late = batch.filter((_, index) => finished[index]?.status === 'stale');
  if (late.length === 0) return;
  await db.query(lateStatement, [JSON.stringify(late.map(toLateRow))]);
  await saveCapsules(
    db,
    late.flatMap(({ capsule }) => capsule ?? []),
  );
}

/** Ends what still runs, and says of each whether it did. */
async function endBatch(db: Queryable, batch: readonly Finish[]): Promise<FinishedJob[]> {
  return toFinished(batch, await db.query<EndedRow>(finishStatement, toEndParameters(batch)));
}

/** What became of each end of the batch, by what the statement returned. */
export function toFinished(batch: readonly Finish[], rows: readonly EndedRow[]): FinishedJob[] {
  const ended = new Map(rows.map((row) => [row.token, row]));
  return batch.map(({ jobId, token }): FinishedJob => {
    const row = ended.get(token);
    return {
      jobId,
      status: row ? 'applied' : 'stale',
      state: row?.state ?? null,
      place: row?.queue && row.needs ? { queue: row.queue, needs: row.needs } : null,
      kind: row?.kind ?? null,
      ranMs: row?.ranMs ?? 0,
      freedLanes: row?.freedLanes ?? [],
      hasDependants: row?.hasDependants ?? false,
    };
  });
}

export function toEndParameters(batch: readonly Finish[]): Buffer[] {
  return [
    encodeBigintArray(batch.map(({ jobId }) => jobId)),
    encodeUuidArray(batch.map(({ token }) => token)),
    encodeTextArray(batch.map(({ next }) => next.state)),
    encodeTextArray(batch.map(({ outcome }) => outcome.state)),
    encodeTimeArray(batch.map(({ outcome }) => outcome.endedAt)),
    encodeTextArray(batch.map(({ actor }) => actor)),
    encodeJsonArray(batch.map(toFacts)),
  ];
}

function toLateRow({ jobId, number, token, actor, outcome }: Finish): object {
  // To the millisecond, as ends are stored.
  const endedAt = new Date(outcome.endedAt).toISOString();
  return { jobId, number, token, actor, state: outcome.state, endedAt, outcome };
}

/** Members of an outcome that are null of most attempts. */
const rareMembers = [
  'reason',
  'message',
  'exitCode',
  'signal',
  'launchedAt',
  'freeBeforeKib',
  'freeAfterKib',
  'cpuMs',
  'maxRssBytes',
  'readBytes',
  'writtenBytes',
  'program',
  'stdoutBytes',
  'stderrBytes',
  'errorLine',
] as const satisfies readonly (keyof Finish['outcome'])[];

function toFacts({ outcome, next, family, capsule }: Finish): string {
  const said: Record<string, unknown> = {};
  for (const name of rareMembers) if (outcome[name] !== null) said[name] = outcome[name];
  if (next.runAt !== null) said['runAt'] = next.runAt;
  if (family) Object.assign(said, { familyId: family.id, signature: family.signature });
  if (outcome.verdict)
    Object.assign(said, { verdict: outcome.verdict.text, verdictTone: outcome.verdict.tone });
  if (capsule) Object.assign(said, toCapsuleRow(capsule));
  // `null` is a result as well; a missing member becomes SQL null.
  if (outcome.result !== undefined) said['result'] = outcome.result;
  return JSON.stringify(said);
}
