import { toEventData } from '../../../contract/events.ts';
import { isDeepStrictEqual } from 'node:util';
import type { JobChange } from '../../../contract/job-change.ts';
import type { ChangeOutcome } from '../../../domain/jobs/ports.ts';
import type { Database, Queryable } from '../database.ts';
import { isSqlError } from '../sqlstates.ts';
import { indexWords } from './index-words.ts';

/** Everything that may be changed, as it stands. */
type Editable = { [Key in keyof JobChange]-?: Exclude<JobChange[Key], undefined> };

type EditableRow = Omit<Editable, 'queue'> & { queue: string | null };

/** The row is locked, so that two changes at once are two events, each with what it found. Ends may write to its words. */
const readStatement = `
select job.name, job.priority, job.queue, job.project, job.tags, job.keep, job.analysis, job.assessment, n.info, n.summary,
  case when job.own_verdict is not null then json_build_object('text', job.own_verdict, 'tone', job.own_verdict_tone) end as verdict,
  coalesce((
    select json_agg(
      case when b.base_job_id is null then json_build_object('foreignId', b.foreign_id) else json_build_object('jobId', b.base_job_id) end
      order by b.base_job_id, b.foreign_id)
    from base_runs b where b.job_id = job.id
  ), '[]') as "baseRuns"
from jobs job left join job_notes n on n.job_id = job.id
where job.id = $1 for no key update of job`;

/** Priority and queue of what waits, and only of that. */
const waitingStatement = 'select from queued where job_id = $1 for update';

/** The limit that every job of a queue counts in goes with the queue. */
const writeStatement = `
update jobs set name = $2, priority = $3, queue = $4, project = $5, tags = $6, keep = $7, analysis = $8, assessment = $9,
  own_verdict = $10, own_verdict_tone = $11,
  lanes = case when queue <> $4 then array_replace(lanes, 'queue:' || queue, 'queue:' || $4::text) else lanes end
where id = $1
returning needs`;

const placeStatement = 'insert into places (queue, needs) values ($1, $2) on conflict do nothing';

/** What the queue sees of the job. A later retry takes it from the job. */
const moveStatement = `
update queued c set place = p.id, priority = job.priority, lanes = job.lanes
from jobs job join places p on p.queue = job.queue and p.needs = job.needs where job.id = $1 and c.job_id = job.id`;

/** Changes what people may change; each change is an event that tells what stood there before. */
export async function changeJob(
  db: Database,
  id: number,
  change: JobChange,
  actor: string,
): Promise<ChangeOutcome> {
  try {
    return await db.transaction((tx) => edit(tx, { id, change, actor }));
  } catch (error) {
    if (!isSqlError(error, 'foreignKeyViolation')) throw error;
    return { status: error.constraint === 'base_runs_base_job_id_fkey' ? 'unknown_base' : 'unknown_queue' };
  }
}

async function edit(
  tx: Queryable,
  { id, change, actor }: { id: number; change: JobChange; actor: string },
): Promise<ChangeOutcome> {
  // Before it looks whether that queue drains: see queue-drain.ts.
  if (change.queue !== undefined) await tx.query('lock table places in row exclusive mode');
  const [before] = await tx.query<EditableRow>(readStatement, [id]);
  if (!before) return { status: 'refused' };
  const isMove = change.queue !== undefined || change.priority !== undefined;
  if (isMove && (await tx.query(waitingStatement, [id])).length === 0) return { status: 'refused' };
  const changed = changedMembers(before, change);
  const after = { ...before, ...changed };
  if (Object.keys(changed).length === 0) return { status: 'changed', place: null };
  if (changed.queue !== undefined && (await isDraining(tx, changed.queue)))
    return { status: 'queue_draining' };
  const needs = await write(tx, id, after);
  if (isMove) await move(tx, id, { queue: after.queue, needs });
  if ('info' in changed || 'summary' in changed) await writeNotes(tx, id, after);
  if (changed.baseRuns) await writeBaseRuns(tx, id, changed.baseRuns);
  await tx.query(`insert into events (job_id, actor, name, data) values ($1, $2, 'changed', $3)`, [
    id,
    actor,
    toEventData('changed', { before: pick(before, changed), after: changed }),
  ]);
  if ('assessment' in changed && [before.assessment, after.assessment].includes('obsolete'))
    await warnDependants(tx, { id, actor, assessment: after.assessment });
  await indexWords(tx, [id]);
  return { status: 'changed', place: after.queue === null ? null : { queue: after.queue, needs } };
}

async function isDraining(tx: Queryable, queue: string): Promise<boolean> {
  const found = await tx.query('select from queues where name = $1 and drain_total is not null', [queue]);
  return found.length > 0;
}

function changedMembers(before: EditableRow, change: JobChange): Partial<Editable> {
  return Object.fromEntries(
    Object.entries(change).filter(
      ([key, value]) => value !== undefined && !isDeepStrictEqual(value, before[key as keyof JobChange]),
    ),
  );
}

function pick(before: object, changed: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(before).filter(([key]) => key in changed));
}

async function write(tx: Queryable, id: number, after: EditableRow): Promise<string[]> {
  const [row] = await tx.query<{ needs: string[] }>(writeStatement, [
    id,
    after.name,
    after.priority,
    after.queue,
    after.project,
    after.tags,
    after.keep,
    after.analysis,
    after.assessment,
    after.verdict?.text ?? null,
    after.verdict?.tone ?? null,
  ]);
  return row?.needs ?? [];
}

async function move(
  tx: Queryable,
  id: number,
  { queue, needs }: { queue: string | null; needs: string[] },
): Promise<void> {
  await tx.query(placeStatement, [queue, needs]);
  await tx.query(moveStatement, [id]);
}

async function writeNotes(
  tx: Queryable,
  id: number,
  { info, summary }: Pick<EditableRow, 'info' | 'summary'>,
): Promise<void> {
  await tx.query(
    `insert into job_notes (job_id, info, summary) values ($1, $2, $3)
     on conflict (job_id) do update set info = excluded.info, summary = excluded.summary`,
    [id, info, summary],
  );
}

async function writeBaseRuns(tx: Queryable, id: number, baseRuns: Editable['baseRuns']): Promise<void> {
  await tx.query('delete from base_runs where job_id = $1', [id]);
  await tx.query(
    `insert into base_runs (job_id, base_job_id, foreign_id)
     select distinct $1::bigint, "jobId", "foreignId"
     from json_to_recordset($2::json) as b ("jobId" bigint, "foreignId" text)`,
    [id, JSON.stringify(baseRuns)],
  );
}

/** Jobs that build on this one note in their own history that it does not count any more, or counts again. */
async function warnDependants(
  tx: Queryable,
  { id, actor, assessment }: { id: number; actor: string; assessment: string | null },
): Promise<void> {
  await tx.query(
    `insert into events (job_id, actor, name, data)
     select job.id, $2, 'base run assessed', json_build_object('baseRun', $1::bigint, 'assessment', $3::text)
     from base_runs b join jobs job on job.id = b.job_id where b.base_job_id = $1
     for key share of job`,
    [id, actor, assessment],
  );
}
