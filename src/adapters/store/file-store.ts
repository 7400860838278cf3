import type { Actor } from '../../contract/actor.ts';
import type { AttemptKey } from '../../contract/attempt.ts';
import type { Artifact, LeftOutFiles, RemovedFiles } from '../../contract/file.ts';
import type { FileChunk, FileStore, StoredFile } from '../../domain/files/ports.ts';
import type { Database } from './database.ts';
import { Conditions, visibleTo } from './jobs/conditions.ts';

/**
 * Nobody waits for the disk: the commit that makes the file complete writes everything before it, too, and a file that
 * is not complete is worth nothing. Waiting, a file of 1 GiB took 71 s on a disk that takes 17 ms to be sure.
 */
const appendStatement = {
  name: 'append-file',
  text: `
insert into file_chunks (file_id, first_byte, size_bytes, codec, data)
select $1::uuid, $2::bigint, $3::integer, $4::text, $5::bytea from set_config('synchronous_commit', 'off', true)`,
};

const chunkStatement = {
  name: 'read-file',
  text: `
select first_byte as "firstByte", size_bytes as "sizeBytes", codec, data from file_chunks
where file_id = $1 and first_byte <= $2 and first_byte + size_bytes > $2 order by first_byte desc limit 1`,
};

/**
 * A file of one chunk, most of what programs leave, is one statement and one commit: five of them made a thousand small
 * files take 20 s.
 *
 * The foreign key of an artifact holds the job's row, so a removal of the job waits and takes the file along, or is
 * waited for and then the next try finds no attempt. The name is free, or taken by what an earlier life of the worker
 * recorded: the same file.
 */
const completeStatement = {
  name: 'complete-file',
  text: `
with file as (
  insert into stored_files (id, owner, owner_id, size_bytes, sha256) values ($1, $2, $13, $3, decode($4, 'hex'))
  on conflict (id) do update set size_bytes = excluded.size_bytes, sha256 = excluded.sha256
),
chunk as (
  insert into file_chunks (file_id, first_byte, size_bytes, codec, data)
  select $1, $5::bigint, $6::integer, $7::text, $8::bytea where $5::bigint is not null
)
insert into artifacts (job_id, attempt, role, name, file_id)
select job_id, number, 'out', $12::text, $1 from attempt_rows where job_id = $9 and number = $10 and token = $11
on conflict do nothing
returning id`,
};

const leftOutStatement = `
with mine as materialized (
  select a.job_id, a.number from (select id from jobs where id = $1 for no key update) job
  join attempt_rows a on a.job_id = job.id and a.number = $2 and a.token = $3
)
insert into events (job_id, actor, name, data)
select m.job_id, $4, 'files left out', json_build_object('attempt', m.number, 'count', $5::int, 'files', $6::json)
from mine m where not exists (
  select from events e where e.job_id = m.job_id and e.name = 'files left out' and (e.data ->> 'attempt')::int = m.number
)`;

const fileColumns = `f.id, f.size_bytes as "sizeBytes", encode(f.sha256, 'hex') as sha256`;

export function createFileStore(db: Database): FileStore {
  return {
    begin: async (id, { owner, ownerId }) => {
      await db.query('insert into stored_files (id, owner, owner_id) values ($1, $2, $3)', [
        id,
        owner,
        ownerId,
      ]);
    },
    append: async (id, { firstByte, sizeBytes, codec, data }) => {
      await db.query(appendStatement, [id, firstByte, sizeBytes, codec, data]);
    },
    complete: async ({ id, owner, sizeBytes, sha256, lastChunk: last, madeBy }) => {
      const { jobId, number, token } = madeBy?.attempt ?? {};
      const chunk = [last?.firstByte, last?.sizeBytes, last?.codec, last?.data];
      const made = [jobId, number, token, madeBy?.name];
      const values = [id, owner.owner, sizeBytes, sha256, ...chunk, ...made, owner.ownerId];
      return (await db.query(completeStatement, values)).length > 0;
    },
    discard: async (id) => {
      await db.query('select remove_unnamed_files(array[$1::uuid])', [id]);
    },
    chunkAt: async (id, byte) => (await db.query<FileChunk>(chunkStatement, [id, byte]))[0] ?? null,
    find: (ids) =>
      db.query<StoredFile>(
        `select ${fileColumns} from stored_files f where f.id = any($1::uuid[]) and f.sha256 is not null`,
        [ids],
      ),
    findUsable: (ids, actor) => findUsable(db, ids, actor),
    removeUnnamed: (olderThanMs) => removeUnnamed(db, olderThanMs),
    list: (jobId, actor) => list(db, jobId, actor),
    listLeftOut: (jobId, actor) => listLeftOut(db, jobId, actor),
    listRemoved: (jobId, actor) => listRemoved(db, jobId, actor),
    namesOf: async ({ jobId, number }) => {
      const rows = await db.query<{ name: string }>(
        `select name from artifacts where job_id = $1 and role = 'out' and attempt = $2`,
        [jobId, number],
      );
      return rows.map(({ name }) => name);
    },
    noteLeftOut: (attempt, leftOut, actor) => noteLeftOut(db, attempt, { leftOut, actor }),
  };
}

function findUsable(db: Database, ids: readonly string[], actor: Actor): Promise<StoredFile[]> {
  const conditions = new Conditions().add('f.id = any(?::uuid[])', ids);
  const name = conditions.value(actor.name);
  const account = conditions.value(actor.accountId);
  const ofJob = visibleTo(new Conditions(conditions.values).add('a.file_id = f.id'), actor);
  return db.query<StoredFile>(
    `select ${fileColumns} from stored_files f
     where ${conditions.text} and f.sha256 is not null
       and ((f.owner = ${name} and f.owner_id is not distinct from ${account}::bigint)
         or exists (select from artifacts a join jobs job on job.id = a.job_id where ${ofJob.text}))`,
    conditions.values,
  );
}

async function list(db: Database, jobId: number, actor: Actor): Promise<Artifact[]> {
  const conditions = visibleTo(new Conditions().add('job.id = ?', jobId), actor);
  const rows = await db.query<Omit<Artifact, 'createdAt'> & { createdAt: Date }>(
    `select a.id, a.role, a.attempt, a.name, f.id as file, f.size_bytes as "sizeBytes",
       encode(f.sha256, 'hex') as sha256, a.created_at as "createdAt"
     from artifacts a join jobs job on job.id = a.job_id join stored_files f on f.id = a.file_id
     where ${conditions.text} order by a.role, a.attempt desc, a.name collate "C"`,
    conditions.values,
  );
  return rows.map((row) => ({ ...row, createdAt: row.createdAt.toISOString() }));
}

async function listLeftOut(db: Database, jobId: number, actor: Actor): Promise<LeftOutFiles[]> {
  const conditions = visibleTo(
    new Conditions().add('job.id = ?', jobId).add(`e.name = 'files left out'`),
    actor,
  );
  const rows = await db.query<{ data: LeftOutFiles }>(
    `select e.data from jobs job join events e on e.job_id = job.id where ${conditions.text} order by e.id desc`,
    conditions.values,
  );
  return rows.map(({ data }) => data);
}

async function listRemoved(db: Database, jobId: number, actor: Actor): Promise<RemovedFiles[]> {
  const conditions = visibleTo(
    new Conditions().add('job.id = ?', jobId).add(`e.name = 'files removed'`),
    actor,
  );
  const rows = await db.query<{ at: Date; data: Omit<RemovedFiles, 'at'> }>(
    `select e.at, e.data from jobs job join events e on e.job_id = job.id where ${conditions.text} order by e.id desc`,
    conditions.values,
  );
  return rows.map(({ at, data: { rule, count } }) => ({ rule, count, at: at.toISOString() }));
}

/** A few at a time, so that no statement takes long. */
const removeLimit = 100;

async function removeUnnamed(db: Database, olderThanMs: number): Promise<number> {
  let removed = 0;
  for (;;) {
    const [row] = await db.query<{ found: number; removed: number }>(
      `with old as materialized (
         select f.id from stored_files f
         where f.created_at < now() - $1 * interval '1 millisecond'
           and not exists (select from artifacts a where a.file_id = f.id)
         limit $2
       )
       select (select count(*) from old) as found, remove_unnamed_files(array(select id from old)) as removed`,
      [olderThanMs, removeLimit],
    );
    removed += row?.removed ?? 0;
    // Fewer went than were found: somebody holds them, and the next time will do.
    if (!row || row.found < removeLimit || row.removed < row.found) return removed;
  }
}

async function noteLeftOut(
  db: Database,
  { jobId, number, token }: AttemptKey,
  { leftOut, actor }: { leftOut: Omit<LeftOutFiles, 'attempt'>; actor: string },
): Promise<void> {
  const { count, files } = leftOut;
  await db.query(leftOutStatement, [jobId, number, token, actor, count, JSON.stringify(files)]);
}
