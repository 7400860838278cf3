import type { Actor } from '../../contract/actor.ts';
import type { Attempt, Job, JobEvent, JobSummary, Verdict } from '../../contract/job.ts';
import { type RunOptions, toShownRun } from '../../contract/run-options.ts';
import type { JobQuery, JobReader, JobStats } from '../../domain/jobs/reader-ports.ts';
import type { AttemptRef } from '../../domain/output/ports.ts';
import { toRetcode } from '../../contract/retcode.ts';
import { parseJson } from '../../contract/whole-numbers.ts';
import { Gather } from '../../lib/gather.ts';
import { type Database, prepared } from './database.ts';
import { readBaseRuns } from './jobs/base-runs.ts';
import { readFailures } from './failure-reader.ts';
import { errorLineOf } from './jobs/error-line.ts';
import { addFilters, Conditions, visibleTo } from './jobs/conditions.ts';
import { readFeed } from './jobs/feed.ts';
import { jobsInStates, type Wanted } from './jobs/in-states.ts';
import { addBehind, inOrder, parseCursor, type Position, positionOf, toCursor } from './search/position.ts';

const summaryColumns = `
  job.id, job.uid, job.kind, job.name, job.state, job.reason, job.message, job.verdict, job.verdict_tone, job.own_verdict, job.own_verdict_tone, job.analysis, job.assessment, job.family, job.keep, job.progress, job.queue, job.priority,
  job.needs as labels, job.lanes, job.blocked_by as "blockedBy", job.owner, job.owner_id as "ownerId", job.project, job.tags, job.parent_id as "parentId",
  (select json_build_object('source', s.source, 'cluster', s.cluster, 'id', s.foreign_id)
    from source_identities s where s.job_id = job.id) as foreign, job.again_of as "againOf",
  job.attempt, job.cancel_requested_at is not null as "cancelRequested", job.submitted_at as "submittedAt",
  job.run_at as "runAt", job.started_at as "startedAt", job.ended_at as "endedAt", ${errorLineOf('job')} as "errorLine"`;

type Tone = 'good' | 'warn' | 'bad';

interface SummaryRow extends Omit<JobSummary, 'verdict' | 'submittedAt' | 'runAt' | 'startedAt' | 'endedAt'> {
  verdict: string | null;
  verdict_tone: Tone | null;
  own_verdict: string | null;
  own_verdict_tone: Tone | null;
  submittedAt: Date;
  runAt: Date | null;
  startedAt: Date | null;
  endedAt: Date | null;
}

interface JobRow extends SummaryRow {
  input: unknown;
  result: string | null;
  retry: Job['retry'];
  timeoutMs: number | null;
  run: RunOptions | null;
  after: Job['after'];
  info: string | null;
  summary: string | null;
  assessed: Job['assessed'];
  hasBaseRuns: boolean;
}

/**
 * Many submits are stored by one statement and each is answered with its job, so reads of one moment are one statement,
 * too: at 50 connections that leaves the database a third of what a read each costs.
 */
export function createJobReader(db: Database): JobReader {
  const gathered = new Gather<JobRequest, Job | null>((batch) => readGathered(db, batch), {
    maxItems: 100,
    maxRunning: 4,
  });
  return {
    list: (query, actor) => list(db, query, actor),
    count: (query, actor) => count(db, query, actor),
    byId: (id, actor) => gathered.add({ id, actor }),
    byUid: async (uid, actor) => (await read(db, new Conditions().add('job.uid = ?', uid), actor))[0] ?? null,
    known: (ids, actor) => known(db, ids, actor),
    attempts: (jobId, actor) => attempts(db, jobId, actor),
    newestAttempts: (jobIds, actor) => newestAttempts(db, jobIds, actor),
    attemptRef: (jobId, number, actor) => attemptRef(db, jobId, number, actor),
    events: (jobId, afterId, limit, actor) => events(db, { jobId, afterId, limit }, actor),
    feed: (position, limit, actor) => readFeed(db, { position, limit }, actor),
    stats: (actor) => stats(db, actor),
    failures: (query, actor) => readFailures(db, query, actor),
  };
}

async function list(
  db: Database,
  query: JobQuery,
  actor: Actor,
): Promise<{ items: JobSummary[]; cursor: string | null }> {
  const { order = 'newest', cursor, limit } = query;
  const conditions = visibleTo(addFilters(new Conditions(), query), actor);
  if (cursor !== undefined) addBehind(conditions, 'job.submitted_at, job.id', order, parseCursor(cursor));
  const rest = `order by ${inOrder('job', order)} limit ${conditions.value(limit + 1)}`;
  const found = await db.query<Position>(
    `select ${positionOf('job')} from ${jobsInStates(toWanted(query, conditions), rest)} order by ${inOrder('job', order)}`,
    conditions.values,
  );
  const page = found.slice(0, limit);
  const last = page.at(-1);
  return {
    items: await readInOrder(
      db,
      page.map(({ id }) => Number(id)),
      actor,
    ),
    cursor: found.length > limit && last ? toCursor(last) : null,
  };
}

function toWanted(
  { states, owner, queue }: Pick<JobQuery, 'states' | 'owner' | 'queue'>,
  { text }: Conditions,
): Wanted {
  return { states: states ?? null, where: text, areInOrder: owner !== undefined || queue !== undefined };
}

/**
 * Jobs by number; those that the actor may not see, or that were removed in between, are left out. Where the rows of a
 * page are read by numbers, there is one statement for all lists, so it is prepared: to plan it takes longer than to run
 * it.
 */
export async function readInOrder(db: Database, ids: readonly number[], actor: Actor): Promise<JobSummary[]> {
  if (ids.length === 0) return [];
  const conditions = visibleTo(new Conditions().add('job.id = any(?::bigint[])', ids), actor);
  const rows = await db.query<SummaryRow>(
    prepared(`select ${summaryColumns} from job_rows job where ${conditions.text}`),
    conditions.values,
  );
  const byId = new Map(rows.map((row) => [row.id, toSummary(row)]));
  return ids.flatMap((id) => byId.get(id) ?? []);
}

async function count(db: Database, query: Omit<JobQuery, 'cursor' | 'limit'>, actor: Actor): Promise<number> {
  const conditions = visibleTo(addFilters(new Conditions(), query), actor);
  const [row] = await db.query<{ count: number }>(
    `select count(*) from ${jobsInStates(toWanted(query, conditions))}`,
    conditions.values,
  );
  return row?.count ?? 0;
}

interface JobRequest {
  id: number;
  actor: Actor;
}

/** One statement for each who asks, because they may see different jobs. */
async function readGathered(db: Database, batch: readonly JobRequest[]): Promise<(Job | null)[]> {
  const found = new Map<JobRequest, Job>();
  const ofOneActor = async (requests: readonly JobRequest[]): Promise<void> => {
    const [first] = requests;
    if (!first) return;
    const ids = [...new Set(requests.map(({ id }) => id))];
    const jobs = await read(db, new Conditions().add('job.id = any(?::bigint[])', ids), first.actor);
    const byId = new Map(jobs.map((job) => [job.id, job]));
    for (const request of requests) {
      const job = byId.get(request.id);
      if (job) found.set(request, job);
    }
  };
  const groups = Map.groupBy(batch, ({ actor }) => JSON.stringify(actor));
  await Promise.all([...groups.values()].map((requests) => ofOneActor(requests)));
  return batch.map((request) => found.get(request) ?? null);
}

async function read(db: Database, conditions: Conditions, actor: Actor): Promise<Job[]> {
  visibleTo(conditions, actor);
  const ofOthers = visibleTo(new Conditions(conditions.values), actor);
  const statement = prepared(
    `select ${summaryColumns}, i.input, i.retry, i.timeout_ms as "timeoutMs", i.run, r.result::text as result,
       coalesce((
         select json_agg(json_build_object('jobId', d.on_job_id, 'mustSucceed', d.must_succeed, 'state', (
           select job.state from job_rows job where job.id = d.on_job_id and ${ofOthers.text}
         )) order by d.on_job_id)
         from job_dependencies d where d.job_id = job.id
       ), '[]') as after, n.info, n.summary,
       case when job.assessment is not null then (
         select json_build_object('by', e.actor, 'at', e.at) from events e
         where e.job_id = job.id and e.name = 'changed' and e.data -> 'after' -> 'assessment' is not null
         order by e.id desc limit 1
       ) end as assessed,
       exists (select from base_runs b where b.job_id = job.id)
         or exists (select from base_runs b where b.base_job_id = job.id) as "hasBaseRuns"
     from job_rows job left join job_inputs i on i.job_id = job.id left join job_results r on r.job_id = job.id left join job_notes n on n.job_id = job.id
     where ${conditions.text}`,
  );
  const rows = await db.query<JobRow>(statement, conditions.values);
  return Promise.all(rows.map((row) => toJob(db, row, actor)));
}

async function toJob(db: Database, row: JobRow, actor: Actor): Promise<Job> {
  const { input, result, retry, timeoutMs, run, after, info, summary, assessed, hasBaseRuns, ...rest } = row;
  const { baseRuns, baseRunOf } = hasBaseRuns
    ? await readBaseRuns(db, row.id, actor)
    : { baseRuns: [], baseRunOf: [] };
  return {
    ...toSummary(rest),
    input,
    result: result === null ? null : parseJson(result),
    retry,
    timeoutSeconds: timeoutMs === null ? null : timeoutMs / 1000,
    ...toShownRun(run),
    after,
    info,
    summary,
    assessed: assessed && { ...assessed, at: new Date(assessed.at).toISOString() },
    kindVerdict: toVerdict(row.verdict, row.verdict_tone),
    baseRuns,
    baseRunOf,
    warnings: baseRuns.flatMap(({ jobId, assessment }) =>
      assessment === 'obsolete' ? [`Its base run, job ${jobId}, is obsolete.`] : [],
    ),
  };
}

async function known(db: Database, ids: readonly number[], actor: Actor): Promise<Set<number>> {
  const conditions = visibleTo(new Conditions().add('job.id = any(?::bigint[])', ids), actor);
  const rows = await db.query<{ id: number }>(
    `select job.id from jobs job where ${conditions.text}`,
    conditions.values,
  );
  return new Set(rows.map(({ id }) => id));
}

function toSummary(row: SummaryRow): JobSummary {
  const { verdict, verdict_tone: tone, own_verdict: own, own_verdict_tone: ownTone, ...rest } = row;
  return {
    ...rest,
    verdict: toVerdict(own, ownTone) ?? toVerdict(verdict, tone),
    submittedAt: row.submittedAt.toISOString(),
    runAt: toIso(row.runAt),
    startedAt: toIso(row.startedAt),
    endedAt: toIso(row.endedAt),
  };
}

function toVerdict(text: string | null, tone: Tone | null): Verdict | null {
  return text !== null && tone !== null ? { text, tone } : null;
}

function toIso(date: Date | null): string | null {
  return date?.toISOString() ?? null;
}

const attemptColumns = `
  a.job_id as "jobId", a.number, a.state, a.runs_by as owner, a.worker_name as worker, a.reason, a.message, a.exit_code as "exitCode",
  a.signal, a.claimed_at as "claimedAt", a.launched_at as "launchedAt", a.ended_at as "endedAt",
  a.free_before_kib as "freeBeforeKib", a.free_after_kib as "freeAfterKib", a.cpu_ms as "cpuMs",
  a.max_rss_bytes as "maxRssBytes", a.read_bytes as "readBytes", a.written_bytes as "writtenBytes", a.error_line as "errorLine", a.program, a.stdout_bytes as "stdoutBytes", a.stderr_bytes as "stderrBytes",
  a.output_removed_at as "removedAt", a.output_removed_by as "removedBy",
  -- The last event that asked for an attempt (the end of one that is tried again does), or when that was to begin. What
  -- held it up since, a full lane or another job, is waiting like any other.
  extract(epoch from a.claimed_at - greatest(
    (select max(e.at) from events e where e.job_id = a.job_id and e.at <= a.claimed_at
      and (e.name in ('submitted', 'retried') or e.data ->> 'next' in ('queued', 'scheduled'))),
    (select job.run_at from job_rows job where job.id = a.job_id and job.run_at <= a.claimed_at)
  ))::float8 * 1000 as "queueWaitMs",
  coalesce((
    select json_agg(json_build_object('receivedAt', l.received_at, 'outcome', l.outcome) order by l.id)
    from late_results l where l.job_id = a.job_id and l.attempt = a.number
  ), '[]') as "lateResults"`;

type AttemptRow = Omit<
  Attempt,
  'retcode' | 'wallMs' | 'claimedAt' | 'launchedAt' | 'endedAt' | 'outputRemoved'
> & {
  removedAt: Date | null;
  removedBy: string | null;
  jobId: number;
  claimedAt: Date;
  launchedAt: Date | null;
  endedAt: Date | null;
};

async function attempts(db: Database, jobId: number, actor: Actor): Promise<Attempt[]> {
  const conditions = visibleTo(new Conditions().add('a.job_id = ?', jobId), actor);
  const rows = await db.query<AttemptRow>(
    `select ${attemptColumns} from attempt_rows a join jobs job on job.id = a.job_id where ${conditions.text} order by a.number`,
    conditions.values,
  );
  return rows.map(toAttempt);
}

async function newestAttempts(
  db: Database,
  jobIds: readonly number[],
  actor: Actor,
): Promise<Map<number, Attempt>> {
  const conditions = visibleTo(new Conditions().add('a.job_id = any(?::bigint[])', jobIds), actor);
  const rows = await db.query<AttemptRow>(
    `select ${attemptColumns} from attempt_rows a join job_rows job on job.id = a.job_id and job.attempt = a.number where ${conditions.text}`,
    conditions.values,
  );
  return new Map(rows.map((row) => [row.jobId, toAttempt(row)]));
}

function toAttempt({ jobId: _jobId, removedAt, removedBy, ...row }: AttemptRow): Attempt {
  return {
    ...row,
    retcode: toRetcode(row),
    queueWaitMs: row.queueWaitMs === null ? null : Math.round(row.queueWaitMs),
    wallMs: row.endedAt && row.endedAt.getTime() - (row.launchedAt ?? row.claimedAt).getTime(),
    claimedAt: row.claimedAt.toISOString(),
    launchedAt: toIso(row.launchedAt),
    endedAt: toIso(row.endedAt),
    outputRemoved: removedAt && { at: removedAt.toISOString(), rule: removedBy ?? '' },
  };
}

async function attemptRef(
  db: Database,
  jobId: number,
  number: number | null,
  actor: Actor,
): Promise<(AttemptRef & { uid: string; isEnded: boolean }) | null> {
  const conditions = visibleTo(new Conditions().add('job.id = ?', jobId), actor);
  if (number === null) conditions.add('a.number = job.attempt');
  else conditions.add('a.number = ?', number);
  const [row] = await db.query<AttemptRef & { uid: string; isEnded: boolean }>(
    `select a.job_id as "jobId", a.number, a.claimed_at as "claimedAt", job.uid, a.state <> 'running' as "isEnded"
     from attempt_rows a join job_rows job on job.id = a.job_id where ${conditions.text}`,
    conditions.values,
  );
  return row ?? null;
}

async function events(
  db: Database,
  { jobId, afterId, limit }: { jobId: number; afterId: number; limit: number },
  actor: Actor,
): Promise<JobEvent[]> {
  const conditions = visibleTo(new Conditions().add('e.job_id = ? and e.id > ?', jobId, afterId), actor);
  const rows = await db.query<Omit<JobEvent, 'at' | 'recordedAt'> & { at: Date; recordedAt: Date }>(
    `select e.id, e.job_id as "jobId", e.at, e.recorded_at as "recordedAt", e.actor, e.name, e.data
     from events e join jobs job on job.id = e.job_id where ${conditions.text} order by e.id limit ${conditions.value(limit)}`,
    conditions.values,
  );
  return rows.map((row) => ({ ...row, at: row.at.toISOString(), recordedAt: row.recordedAt.toISOString() }));
}

async function stats(db: Database, actor: Actor): Promise<JobStats> {
  const conditions = visibleTo(new Conditions(), actor);
  const rows = await db.query<{ state: keyof JobStats['states']; queue: string | null; count: number }>(
    // By places first: the queues of a million jobs need not be read then.
    `select c.state, p.queue, sum(c.jobs) as count
     from (
       select t.state, t.place, count(*) as jobs from ends t left join jobs job on job.id = t.job_id where ${conditions.text} group by 1, 2
       union all
       select t.state, t.place, count(*) from queued t left join jobs job on job.id = t.job_id where ${conditions.text} group by 1, 2
       union all
       select 'running', t.place, count(*) from running t left join jobs job on job.id = t.job_id where ${conditions.text} group by 1, 2
     ) c left join places p on p.id = c.place
     group by 1, 2 order by 2, 1`,
    conditions.values,
  );
  const states: JobStats['states'] = {};
  for (const { state, count } of rows) states[state] = (states[state] ?? 0) + count;
  return {
    states,
    queues: rows.flatMap(({ queue, ...rest }) => (queue === null ? [] : [{ queue, ...rest }])),
  };
}
