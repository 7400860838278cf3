import { randomBytes } from 'node:crypto';
import type { Database, Queryable } from '../database.ts';

/** Rows of one partition. A search of a rare word asks each; one of a common word may read all of one. */
const defaultRows = 50_000;
const copiedAtOnce = 10_000;
const copyPrefix = 'job_words_copy_';

interface Partition {
  name: string;
  /** SQL of the bounds: `'2026-11-01 …'`, MINVALUE, MAXVALUE. */
  lower: string;
  upper: string;
  rows: number;
}

/**
 * Keeps the partitions of the words near the size that searches are quick with. Run by the leader, safe to run twice.
 *
 * *Closing*: when the newest partition, which is open towards the future, is full, it ends behind its newest row and a
 * new one begins. Rows of transactions that began earlier still find their place by their time. Nothing is copied; the
 * exclusive lock on the table lasts as long as reading the partition once (some ten milliseconds).
 *
 * *Splitting*: jobs of old dates (an import) may fill any partition. Then its oldest rows are copied into a table of
 * their own, in small transactions and without a lock, so that submits and followers of events go on meanwhile. Under the
 * exclusive lock only what changed since is copied again, the rows are removed, and the two take each other's place.
 *
 * The lock is given up after two seconds of waiting, since everybody waits behind who waits for it; the next call tries
 * again. What a crash leaves behind are tables named like copies; the next call drops them.
 */
export async function keepPartitions(db: Database, rows = defaultRows): Promise<void> {
  await dropCopies(db);
  for (const partition of await listPartitions(db)) {
    const isNewest = partition.upper === 'MAXVALUE';
    if (partition.rows <= (isNewest ? rows : 2 * rows)) continue;
    if (isNewest && partition.rows <= 2 * rows && (await close(db, partition))) continue;
    await splitAll(db, partition, rows);
  }
}

/** Rows as the statistics know them, in a moment right; counting would read everything. */
function listPartitions(db: Queryable): Promise<Partition[]> {
  return db.query<Partition>(
    `select p.name, b[1] as lower, b[2] as upper, p.rows from (
       select c.oid::regclass::text as name, pg_get_expr(c.relpartbound, c.oid) as bounds,
         greatest(c.reltuples, pg_stat_get_live_tuples(c.oid))::bigint as rows
       from pg_inherits i join pg_class c on c.oid = i.inhrelid where i.inhparent = 'job_words'::regclass
     ) p, regexp_match(p.bounds, 'FROM \\((.*)\\) TO \\((.*)\\)') b`,
  );
}

/** False when it holds jobs of the future, behind which it must not end. */
async function close(db: Database, { name, lower }: Partition): Promise<boolean> {
  const isClosed = await db.transaction(async (tx) => {
    await lockAlone(tx);
    const [row] = await tx.query<{ edge: string | null }>(
      `select quote_literal(max(submitted_at) + interval '1 microsecond') as edge from ${name}
       having max(submitted_at) <= now() + interval '1 minute'`,
    );
    if (!row?.edge) return false;
    await tx.query(`alter table job_words detach partition ${name}`);
    await tx.query(
      `alter table job_words attach partition ${name} for values from (${lower}) to (${row.edge})`,
    );
    await tx.query(
      `create table ${newName('job_words_')} partition of job_words for values from (${row.edge}) to (maxvalue)`,
    );
    return true;
  });
  // It changes little from now on: what waits to be put into the index goes there, once.
  if (isClosed) await db.query(`vacuum (analyze) ${name}`);
  return isClosed;
}

async function splitAll(db: Database, partition: Partition, rows: number): Promise<void> {
  let { lower } = partition;
  for (
    let rest = partition.rows;
    rest > 2 * rows || (partition.upper === 'MAXVALUE' && rest > rows);
    rest -= rows
  ) {
    const edge = await findEdge(db, partition.name, rows);
    if (edge === null) return;
    await splitOff(db, { ...partition, lower }, edge);
    lower = edge;
  }
  await db.query(`vacuum (analyze) ${partition.name}`);
}

/** Where the oldest rows end, so many of them; null when all are of one moment. */
async function findEdge(db: Queryable, name: string, rows: number): Promise<string | null> {
  const [row] = await db.query<{ edge: string }>(
    `select quote_literal(submitted_at) as edge from ${name}
     where submitted_at > (select min(submitted_at) from ${name})
       and submitted_at >= (select submitted_at from ${name} order by submitted_at offset $1 limit 1)
     order by submitted_at limit 1`,
    [rows],
  );
  return row?.edge ?? null;
}

async function splitOff(db: Database, { name, lower, upper }: Partition, edge: string): Promise<void> {
  const copy = newName(copyPrefix);
  const final = newName('job_words_');
  await db.query(`create table ${copy} (like job_words including all)`);
  await copyRows(db, { from: name, to: copy, edge });
  await db.query(`analyze ${copy}`);
  await db.transaction(async (tx) => {
    await lockAlone(tx);
    await tx.query(
      `delete from ${copy} n where not exists (
         select from ${name} o where o.job_id = n.job_id and o.submitted_at = n.submitted_at and o.words = n.words
       )`,
    );
    await tx.query(
      `with moved as (delete from ${name} where submitted_at < ${edge} returning *)
       insert into ${copy} select * from moved on conflict do nothing`,
    );
    await tx.query(`alter table job_words detach partition ${name}`);
    await tx.query(`alter table ${copy} rename to ${final}`);
    await tx.query(`alter table job_words attach partition ${final} for values from (${lower}) to (${edge})`);
    await tx.query(`alter table job_words attach partition ${name} for values from (${edge}) to (${upper})`);
  });
}

/** In order of the primary key, so that each statement goes on where the last one stopped. */
async function copyRows(
  db: Queryable,
  { from, to, edge }: { from: string; to: string; edge: string },
): Promise<void> {
  let last = '0';
  for (;;) {
    const [row] = await db.query<{ last: string | null }>(
      `with next as (
         select * from ${from} where job_id > $1 and submitted_at < ${edge} order by job_id limit ${copiedAtOnce}
       ), copied as (insert into ${to} select * from next)
       select max(job_id)::text as last from next`,
      [last],
    );
    if (!row?.last) return;
    ({ last } = row);
  }
}

async function lockAlone(tx: Queryable): Promise<void> {
  await tx.query(`set local lock_timeout = '2s'`);
  await tx.query('lock table job_words in access exclusive mode');
}

async function dropCopies(db: Queryable): Promise<void> {
  const copies = await db.query<{ name: string }>(
    `select oid::regclass::text as name from pg_class
     where relkind = 'r' and not relispartition and relname like '${copyPrefix.replaceAll('_', String.raw`\_`)}%'`,
  );
  for (const { name } of copies) await db.query(`drop table if exists ${name}`);
}

function newName(prefix: string): string {
  return `${prefix}${randomBytes(6).toString('hex')}`;
}
