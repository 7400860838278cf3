import { wordsOf, type SearchedRecord } from '../../../contract/words.ts';
import type { Database, Queryable } from '../database.ts';
import { errorLineOf } from './error-line.ts';

const lockStatement = {
  name: 'lock-words',
  text: `
select w.job_id from jobs job join job_words w on w.job_id = job.id and w.submitted_at = job.submitted_at
where job.id = any($1::bigint[]) order by w.job_id for update of w`,
};

const readStatement = {
  name: 'read-words-record',
  text: `
select job.id, job.kind, job.name, job.owner, job.queue, job.project, job.tags, job.needs, job.message, job.verdict,
  job.own_verdict as "ownVerdict", ${errorLineOf('job')} as "errorLine", i.input, n.info, n.summary, s.source, s.foreign_id as "foreignId"
from job_rows job left join job_inputs i on i.job_id = job.id left join job_notes n on n.job_id = job.id
left join source_identities s on s.job_id = job.id
where job.id = any($1::bigint[])`,
};

/** A row that has these words already is left as it is: it would only grow the index. */
const writeStatement = {
  name: 'write-words',
  text: `
insert into job_words (job_id, submitted_at, words)
select job.id, job.submitted_at, array_to_tsvector(i.words)
from json_to_recordset($1::json) as i (id bigint, words text[]) join jobs job on job.id = i.id
order by job.id
on conflict (job_id, submitted_at) do update set words = excluded.words where job_words.words <> excluded.words`,
};

/**
 * Writes the words of jobs anew from their record: input, notes, verdict, message, name, tags and the rest.
 *
 * Call it in the transaction that changed the record. The rows of words are locked before the record is read, so of
 * two writers the second reads what the first has committed: words never fall behind the record.
 */
export async function indexWords(tx: Queryable, jobIds: readonly number[]): Promise<void> {
  if (jobIds.length === 0) return;
  await tx.query(lockStatement, [jobIds]);
  const records = await tx.query<SearchedRecord & { id: number }>(readStatement, [jobIds]);
  const rows = records.map(({ id, ...record }) => ({ id, words: [...wordsOf(record), String(id)] }));
  await tx.query(writeStatement, [JSON.stringify(rows)]);
}

const takeDue = `
delete from job_words_due where job_id in (
  select job_id from job_words_due order by job_id limit $1 for update skip locked
) returning job_id as "jobId"`;

/**
 * Writes the words of jobs that were marked in `job_words_due`; resolves with how many there were. A mark set while this
 * is under way waits for the end of this transaction, and is found by the next call.
 */
export function indexDueWords(db: Database, limit: number): Promise<number> {
  return db.transaction(async (tx) => {
    const due = await tx.query<{ jobId: number }>(takeDue, [limit]);
    await indexWords(
      tx,
      due.map(({ jobId }) => jobId),
    );
    return due.length;
  });
}
