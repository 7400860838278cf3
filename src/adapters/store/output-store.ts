import type {
  AttemptOutput,
  AttemptRef,
  ChunkPosition,
  OutputChunk,
  OutputStore,
} from '../../domain/output/ports.ts';
import { encodeByteaArray } from './array-parameters.ts';
import type { Database, Queryable } from './database.ts';
import type { Stream } from '../../contract/stream.ts';

/**
 * Upsert by (attempt, number): the growing tail is rewritten until it is full, and a retry after a lost answer writes
 * the same row again. The bytes travel in binary: the driver would write an array of them as hexadecimal text.
 */
const writeStatement = {
  name: 'write-output',
  text: `
insert into output_chunks (day, job_id, attempt, number, stdout_line, stdout_byte, stdout_lines, stdout_bytes,
  stderr_line, stderr_byte, stderr_lines, stderr_bytes, started_at, is_full, codec, data)
select (to_timestamp(claimed / 1000.0) at time zone 'UTC')::date, job_id, attempt, number, ol, ob, ols, obs, el, eb, els, ebs,
  to_timestamp(started / 1000.0), is_full, codec, data
from unnest($1::bigint[], $2::int[], $3::float8[], $4::int[], $5::bigint[], $6::bigint[], $7::int[], $8::int[],
  $9::bigint[], $10::bigint[], $11::int[], $12::int[], $13::float8[], $14::bool[], $15::text[], $16::bytea[])
  as c (job_id, attempt, claimed, number, ol, ob, ols, obs, el, eb, els, ebs, started, is_full, codec, data)
on conflict (day, job_id, attempt, number) do update set
  stdout_line = excluded.stdout_line, stdout_byte = excluded.stdout_byte,
  stderr_line = excluded.stderr_line, stderr_byte = excluded.stderr_byte,
  stdout_lines = excluded.stdout_lines, stdout_bytes = excluded.stdout_bytes,
  stderr_lines = excluded.stderr_lines, stderr_bytes = excluded.stderr_bytes,
  started_at = excluded.started_at, is_full = excluded.is_full, codec = excluded.codec, data = excluded.data`,
};

const columns = `job_id as "jobId", attempt, number, stdout_line, stdout_byte, stdout_lines, stdout_bytes,
  stderr_line, stderr_byte, stderr_lines, stderr_bytes, started_at as "startedAt", is_full as "isFull", codec, data`;

const ofAttempt = `day = ($1::timestamptz at time zone 'UTC')::date and job_id = $2 and attempt = $3`;

/** Serialises whoever makes partitions; arbitrary, but ours alone in this database. */
const partitionLock = 7_301_002;

interface ChunkRow extends Omit<OutputChunk, 'claimedAt' | 'stdout' | 'stderr'> {
  stdout_line: number;
  stdout_byte: number;
  stdout_lines: number;
  stdout_bytes: number;
  stderr_line: number;
  stderr_byte: number;
  stderr_lines: number;
  stderr_bytes: number;
}

/** More is not kept from one statement to the next. */
const mostSpareBytes = 2 * 1024 * 1024;

export function createOutputStore(db: Database): OutputStore {
  // What one statement sends lies where that of the last one did: as garbage it took a tenth of the processor of printing.
  let spare: Buffer | undefined;
  return {
    write: async (chunks) => {
      const room = spare;
      spare = undefined;
      const data = encodeByteaArray(
        chunks.map((chunk) => chunk.data),
        room,
      );
      await writeChunks(db, chunks, data);
      // Not after an error: the driver may have it still to send.
      if (data.buffer.byteLength <= mostSpareBytes) spare = Buffer.from(data.buffer);
    },
    read: (attempt, from, limit) => readChunks(db, attempt, from, limit),
    last: async (attempt) => (await readChunks(db, attempt, { by: 'last' }, 1))[0] ?? null,
    preparePartitions: (months) => preparePartitions(db, months),
  };
}

export function createAttemptOutput(tx: Queryable): AttemptOutput {
  return {
    write: (chunks) => writeChunks(tx, chunks, encodeByteaArray(chunks.map(({ data }) => data))),
    last: async (attempt) => (await readChunks(tx, attempt, { by: 'last' }, 1))[0] ?? null,
  };
}

/** All that an attempt printed. */
export async function removeChunks(tx: Queryable, attempt: AttemptRef): Promise<void> {
  await tx.query(`delete from output_chunks where ${ofAttempt}`, [
    attempt.claimedAt,
    attempt.jobId,
    attempt.number,
  ]);
}

async function writeChunks(db: Queryable, chunks: readonly OutputChunk[], data: Buffer): Promise<void> {
  const column = <T>(pick: (chunk: OutputChunk) => T): T[] => chunks.map((chunk) => pick(chunk));
  await db.query(writeStatement, [
    column((c) => c.jobId),
    column((c) => c.attempt),
    column((c) => c.claimedAt.getTime()),
    column((c) => c.number),
    column((c) => c.stdout.line),
    column((c) => c.stdout.byte),
    column((c) => c.stdout.lines),
    column((c) => c.stdout.bytes),
    column((c) => c.stderr.line),
    column((c) => c.stderr.byte),
    column((c) => c.stderr.lines),
    column((c) => c.stderr.bytes),
    column((c) => c.startedAt.getTime()),
    column((c) => c.isFull),
    column((c) => c.codec),
    data,
  ]);
}

async function readChunks(
  db: Queryable,
  attempt: AttemptRef,
  from: ChunkPosition,
  limit: number,
): Promise<OutputChunk[]> {
  const { condition, order, value } = toCondition(from);
  const rows = await db.query<ChunkRow>(
    `select ${columns} from output_chunks where ${ofAttempt} and ${condition} order by number ${order} limit $5`,
    [attempt.claimedAt, attempt.jobId, attempt.number, value, limit],
  );
  return rows.map((row) => ({
    jobId: row.jobId,
    attempt: row.attempt,
    claimedAt: attempt.claimedAt,
    number: row.number,
    stdout: {
      line: row.stdout_line,
      byte: row.stdout_byte,
      lines: row.stdout_lines,
      bytes: row.stdout_bytes,
    },
    stderr: {
      line: row.stderr_line,
      byte: row.stderr_byte,
      lines: row.stderr_lines,
      bytes: row.stderr_bytes,
    },
    startedAt: row.startedAt,
    isFull: row.isFull,
    codec: row.codec,
    data: row.data,
  }));
}

function toCondition(from: ChunkPosition): { condition: string; order: 'asc' | 'desc'; value: number } {
  switch (from.by) {
    case 'chunk':
      return { condition: `number >= $4${toHolding(from.holding)}`, order: 'asc', value: from.number };
    case 'before':
      return { condition: `number < $4${toHolding(from.holding)}`, order: 'desc', value: from.number };
    case 'row':
      return {
        condition: 'stdout_line + stdout_lines + stderr_line + stderr_lines >= $4',
        order: 'asc',
        value: from.row,
      };
    case 'line':
      // Line n begins behind the n-th line end, so in the first chunk that has seen so many.
      return {
        condition:
          from.stream === 'stdout' ? 'stdout_line + stdout_lines >= $4' : 'stderr_line + stderr_lines >= $4',
        order: 'asc',
        value: from.line,
      };
    case 'last':
      return { condition: 'number >= $4', order: 'desc', value: 0 };
  }
}

/** A chunk that holds neither stream is a gap. */
function toHolding(stream: Stream | null | undefined): string {
  if (!stream) return '';
  const [wanted, other] = stream === 'stdout' ? ['stdout', 'stderr'] : ['stderr', 'stdout'];
  return ` and (${wanted}_bytes > 0 or ${other}_bytes = 0)`;
}

/**
 * One partition a month, made ahead of time. The default partition catches what no month covers; it stays empty as
 * long as somebody calls this at least once in `months`.
 */
async function preparePartitions(db: Database, months: number): Promise<void> {
  await db.transaction(async (tx) => {
    await tx.query('select pg_advisory_xact_lock($1)', [partitionLock]);
    const missing = await tx.query<{ name: string; first: string; next: string }>(
      `select to_char(m, '"output_chunks_"YYYY_MM') as name, m::date::text as first, (m + interval '1 month')::date::text as next
       from generate_series(date_trunc('month', now() at time zone 'UTC'),
         date_trunc('month', now() at time zone 'UTC') + ($1 - 1) * interval '1 month', interval '1 month') m
       where to_regclass(to_char(m, '"output_chunks_"YYYY_MM')) is null`,
      [months],
    );
    for (const { name, first, next } of missing) {
      await tx.query(
        `create table ${name} partition of output_chunks for values from ('${first}') to ('${next}')`,
      );
    }
  });
}
