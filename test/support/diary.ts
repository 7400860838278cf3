import { randomUUID } from 'node:crypto';
import type { Filter, KeyTerm, Term, Value } from '../../src/contract/filter/filter.ts';
import { resolveMoments } from '../../src/contract/filter/moments.ts';
import { argumentsOf, wordsOf } from '../../src/contract/words.ts';
import { indexWords } from '../../src/adapters/store/jobs/index-words.ts';
import type { Database, Queryable } from '../../src/adapters/store/database.ts';

/** A job as a test writes it straight into the diary, whatever its state. */
export interface DiaryJob {
  name: string;
  kind: string;
  owner: string;
  project: string | null;
  queue: string;
  tags: string[];
  needs: string[];
  state: string;
  reason: string | null;
  message: string | null;
  verdict: { text: string; tone: string } | null;
  ownVerdict: { text: string; tone: string } | null;
  analysis: string | null;
  assessment: string | null;
  keep: boolean;
  input: unknown;
  info: string | null;
  worker: string | null;
  exitCode: number | null;
  submittedAt: Date;
  startedAt: Date | null;
  endedAt: Date | null;
}

export const plainJob: DiaryJob = {
  name: 'a job',
  kind: 'script',
  owner: 'ana',
  project: null,
  queue: 'default',
  tags: [],
  needs: [],
  state: 'queued',
  reason: null,
  message: null,
  verdict: null,
  ownVerdict: null,
  analysis: null,
  assessment: null,
  keep: false,
  input: { script: 'a.sh' },
  info: null,
  worker: null,
  exitCode: null,
  submittedAt: new Date('2026-11-01T12:00:00Z'),
  startedAt: null,
  endedAt: null,
};

/** Stores jobs with where they stand, their attempts, notes and words; resolves with their numbers. */
export async function storeJobs(db: Database, jobs: readonly DiaryJob[]): Promise<number[]> {
  return db.transaction(async (tx) => {
    const ids: number[] = [];
    for (const job of jobs) {
      const [row] = await tx.query<{ id: number }>(
        `insert into jobs (uid, kind, name, own_verdict, own_verdict_tone, analysis, assessment, keep, queue, needs, owner, project,
           tags, submitted_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) returning id`,
        [
          randomUUID(),
          job.kind,
          job.name,
          job.ownVerdict?.text,
          job.ownVerdict?.tone,
          job.analysis,
          job.assessment,
          job.keep,
          job.queue,
          job.needs,
          job.owner,
          job.project,
          job.tags,
          job.submittedAt,
        ],
      );
      const id = row?.id ?? 0;
      ids.push(id);
      await stand(tx, id, job);
      await tx.query(`insert into job_inputs (job_id, input, retry) values ($1, $2, '{}')`, [
        id,
        JSON.stringify(job.input),
      ]);
      if (job.info !== null)
        await tx.query('insert into job_notes (job_id, info) values ($1, $2)', [id, job.info]);
      if (job.worker === null || job.state === 'running') continue;
      await tx.query(
        `insert into attempts (job_id, number, runs_by, worker_name, state, exit_code, claimed_at, ended_at)
         values ($1, 1, 'slot', $2, 'finished', $3, now(), $4)`,
        [id, job.worker, job.exitCode, job.endedAt ?? job.submittedAt],
      );
    }
    await indexWords(tx, ids);
    return ids;
  });
}

/** A job stands in one of three tables; one that runs has its attempt there. */
async function stand(tx: Queryable, id: number, job: DiaryJob): Promise<void> {
  const { state, owner, submittedAt, startedAt } = job;
  const attempt = job.worker === null && state !== 'running' ? 0 : 1;
  const [place] = await tx.query<{ id: number }>(
    `insert into places (queue, needs) values ($1, $2)
     on conflict (queue, needs) do update set queue = excluded.queue returning id`,
    [job.queue, job.needs],
  );
  const common = [id, place?.id, submittedAt, owner, attempt];
  if (state === 'running')
    return void (await tx.query(
      `insert into running (job_id, place, submitted_at, owner, number, run_at, kind, runs_by, worker_name, claimed_at)
       values ($1, $2, $3, $4, $5, $3, $6, case when $7::text is null then 'external' else 'slot' end, $7, $8)`,
      [...common, job.kind, job.worker, startedAt ?? submittedAt],
    ));
  if (['waiting', 'scheduled', 'queued'].includes(state))
    return void (await tx.query(
      `insert into queued (job_id, place, submitted_at, owner, attempt, run_at, priority, lanes, kind, state, started_at)
       values ($1, $2, $3, $4, $5, $3, 0, '{}', $6, $7, $8)`,
      [...common, job.kind, state, startedAt],
    ));
  const { reason, message, verdict, endedAt } = job;
  await tx.query(
    `insert into ends (job_id, place, submitted_at, owner, attempt, run_at, state, reason, message, verdict, verdict_tone, started_at,
       ended_at)
     values ($1, $2, $3, $4, $5, $3, $6, $7, $8, $9, $10, $11, $12)`,
    [...common, state, reason, message, verdict?.text, verdict?.tone, startedAt, endedAt],
  );
}

/** Ends jobs that wait, or says of ended ones that they ended now and otherwise. */
export async function endJobs(
  db: Queryable,
  ids: readonly number[],
  { state, reason = null }: { state: string; reason?: string | null },
): Promise<void> {
  await db.query(
    `with gone as (delete from queued where job_id = any($1::bigint[]) returning *),
     ended as (
       insert into ends (job_id, place, submitted_at, owner, attempt, released, run_at, started_at, state, reason, ended_at)
       select job_id, place, submitted_at, owner, attempt, released, run_at, started_at, $2, $3, now() from gone
     )
     update ends set state = $2, reason = $3, ended_at = now() where job_id = any($1::bigint[])`,
    [ids, state, reason],
  );
}

/** Sets when all jobs, or one, were submitted, wherever they stand. @param at SQL on the job `j` */
export async function setSubmittedAt(db: Database, at: string, jobId: number | null = null): Promise<void> {
  await db.transaction(async (tx) => {
    await tx.query(`update jobs j set submitted_at = ${at} where $1::bigint is null or id = $1`, [jobId]);
    for (const table of ['queued', 'running', 'ends'])
      await tx.query(`update ${table} t set submitted_at = j.submitted_at from jobs j where j.id = t.job_id`);
  });
}

export interface FitContext {
  now: Date;
  timezone: string;
  actor: string;
}

/** The meaning of a filter, written as plainly as can be: what a search must agree with. */
export function fits(job: DiaryJob & { id: number }, { terms }: Filter, context: FitContext): boolean {
  if (job.assessment === 'obsolete' && !terms.some((term) => asksForObsolete(term))) return false;
  return terms.every((term, index) => {
    const isSo = term.type === 'word' ? hasWord(job, terms, index) : hasKey(job, term, context);
    return isSo !== term.isNot;
  });
}

function asksForObsolete(term: Term): boolean {
  if (term.isNot) return false;
  if (term.type === 'word') return term.text.length > 2 && 'obsolete'.startsWith(term.text.toLowerCase());
  if (term.key !== 'assessment') return ['id', 'uid', 'show'].includes(term.key);
  return term.values.some(
    (value) => value.type === 'any' || (value.type === 'choice' && value.choice === 'obsolete'),
  );
}

function hasWord(job: DiaryJob & { id: number }, terms: readonly Term[], index: number): boolean {
  const term = terms[index];
  if (term?.type !== 'word') return false;
  const word = term.text.toLowerCase();
  const { state, analysis, assessment, submittedAt } = job;
  const lexemes = wordsOf({
    ...job,
    verdict: job.verdict?.text ?? null,
    ownVerdict: job.ownVerdict?.text ?? null,
  });
  const keywords = [
    ...lexemes,
    String(job.id),
    state,
    ...(analysis === null ? [] : [analysis]),
    ...(assessment === null ? [] : [assessment]),
    ...(assessment === 'not ok' ? ['nok'] : []),
    submittedAt.toISOString().slice(0, 10),
  ];
  if (term.isExact) {
    const parts = word.split(/\s+/).filter((part) => part !== '');
    const areAll = parts.length > 1 && parts.every((part) => lexemes.includes(part));
    return keywords.includes(word) || areAll;
  }
  const before = terms[index - 1];
  const isNotOk =
    word === 'ok' &&
    !term.isNot &&
    before?.type === 'word' &&
    !before.isExact &&
    !before.isNot &&
    before.text.toLowerCase() === 'not';
  return keywords.some((keyword) => keyword.startsWith(word)) || (isNotOk && assessment === 'not ok');
}

function hasKey(job: DiaryJob & { id: number }, term: KeyTerm, context: FitContext): boolean {
  return term.values.some((value) =>
    valuesOf(job, term, context).some((actual) => matches(actual, value, context)),
  );
}

function valuesOf(
  job: DiaryJob & { id: number },
  { key, path }: KeyTerm,
  { now, actor }: FitContext,
): unknown[] {
  const isEnded = ['succeeded', 'failed', 'cancelled', 'finished'].includes(job.state);
  const verdict = job.ownVerdict ?? job.verdict;
  const present = (values: unknown[]): unknown[] =>
    values.filter((value) => value !== null && value !== undefined);
  switch (key) {
    case 'id':
      return [job.id];
    case 'state':
      return [job.state, isEnded ? 'ended' : 'live'];
    case 'tag':
      return job.tags;
    case 'label':
      return job.needs;
    case 'verdict':
      return verdict ? [verdict.text, verdict.tone] : [];
    case 'keep':
      return [job.keep ? 'yes' : 'no'];
    case 'exit':
      return present([job.exitCode]);
    case 'submitted':
      return [job.submittedAt];
    case 'started':
      return present([job.startedAt]);
    case 'ended':
      return present([job.endedAt]);
    case 'wall': {
      const end = job.state === 'running' ? now : job.endedAt;
      return job.startedAt && end ? [end.getTime() - job.startedAt.getTime()] : [];
    }
    case 'wait':
      return [(job.startedAt ?? job.endedAt ?? now).getTime() - job.submittedAt.getTime()];
    case 'args':
      return argumentsOf(job.input).flatMap(([name, value]) =>
        name.toLowerCase() === path?.toLowerCase() ? [value] : [],
      );
    case 'has':
      return job.info === null ? [] : ['info'];
    case 'is':
      return [
        isEnded ? 'ended' : 'live',
        ...(job.owner.toLowerCase() === actor.toLowerCase() ? ['mine'] : []),
      ];
    case 'show':
      return ['obsolete'];
    case 'kind':
    case 'name':
    case 'owner':
    case 'project':
    case 'queue':
    case 'worker':
    case 'reason':
    case 'analysis':
    case 'assessment':
      return present([job[key]]);
    default:
      throw new Error(`the test does not know ${key}`);
  }
}

function matches(actual: unknown, value: Value, context: FitContext): boolean {
  switch (value.type) {
    case 'any':
      return true;
    case 'choice':
      return actual === value.choice;
    case 'text': {
      const [is, wanted] = [String(actual).toLowerCase(), value.text.toLowerCase()];
      return value.isExact ? is === wanted : is.startsWith(wanted);
    }
    case 'number':
    case 'duration': {
      const { from, to } = value.range;
      const number = Number(actual);
      return (
        (!from || (from.isIncluded ? number >= from.at : number > from.at)) &&
        (!to || (to.isIncluded ? number <= to.at : number < to.at))
      );
    }
    case 'moment': {
      const { fromMs, untilMs } = resolveMoments(value.range, context);
      const ms = (actual as Date).getTime();
      return (fromMs === null || ms >= fromMs) && (untilMs === null || ms < untilMs);
    }
  }
}
