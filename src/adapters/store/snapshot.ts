import type { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type pg from 'pg';
import { from as copyFrom, to as copyTo } from 'pg-copy-streams';
import { oldTransaction, takeOverPosition } from './cluster-positions.ts';
import { createSession } from './connection.ts';
import type { Database } from './database.ts';

/**
 * All of a database at one moment, table by table, and back.
 *
 * What there is to copy comes from the catalogue, never from a list in the code, so that a table of a later migration
 * is not forgotten. One transaction (REPEATABLE READ) reads every table: writers go on meanwhile, and none of what they
 * do is seen. Rows are selected, since COPY of a partitioned table by its name would copy nothing.
 */
export interface TableShape {
  name: string;
  columns: string[];
}

export interface PartitionShape {
  name: string;
  parent: string;
  /** As in `create table … partition of …`: `FOR VALUES …` or `DEFAULT`. */
  bound: string;
}

export interface SequenceShape {
  table: string;
  column: string;
  /** The last number given out; null: none yet. */
  value: string | null;
}

export interface Snapshot {
  serverVersion: string;
  schema: number;
  tables: TableShape[];
  partitions: PartitionShape[];
  /** Rows of a table in the text format of COPY, one a line. Resolves with their number. */
  copy(table: TableShape, write: (rows: Readable) => Promise<void>): Promise<number>;
  /** Read after the tables: numbers that were given out meanwhile count as given out. */
  sequences(): Promise<SequenceShape[]>;
}

/** Opens a snapshot for as long as `work` runs, on a connection of its own without any time limit. */
export async function withSnapshot<T>(
  connection: pg.ClientConfig,
  work: (snapshot: Snapshot) => Promise<T>,
): Promise<T> {
  return withClient(connection, async (client) => {
    await client.query('begin transaction isolation level repeatable read, read only');
    const { rows } = await client.query<{ schema: number; serverVersion: string }>(
      `select max(number) as schema, current_setting('server_version') as "serverVersion" from schema_migrations`,
    );
    const snapshot: Snapshot = {
      schema: rows[0]?.schema ?? 0,
      serverVersion: rows[0]?.serverVersion ?? '',
      tables: await readTables(client),
      partitions: await readPartitions(client),
      copy: (table, write) => copyOut(client, table, write),
      sequences: () => readSequences(client),
    };
    return work(snapshot);
  });
}

/** Fills tables of an empty database, all or nothing. */
export interface Loader {
  /** Those of the schema, each before the ones that refer to it. */
  tables: TableShape[];
  /** @returns how many rows there were */
  load(table: TableShape, rows: Readable): Promise<number>;
}

/**
 * Empties every table (a migration may have put rows there), makes the partitions anew, lets `work` load and sets the
 * sequences; commits when all of that is done.
 */
export async function loadSnapshot(
  connection: pg.ClientConfig,
  shape: { partitions: readonly PartitionShape[]; sequences: readonly SequenceShape[] },
  work: (loader: Loader) => Promise<void>,
): Promise<void> {
  await withClient(connection, async (client) => {
    await client.query('begin');
    const tables = inOrderOfReference(await readTables(client), await readReferences(client));
    // Not by TRUNCATE: a trigger of a table may do that to another one of the list.
    for (const { name } of tables.toReversed()) await client.query(`delete from ${quote(name)}`);
    await replacePartitions(client, shape.partitions);
    await work({
      tables,
      load: async ({ name, columns }, rows) => {
        const stream = copyFrom(`copy ${quote(name)} (${columns.map(quote).join(', ')}) from stdin`);
        await pipeline(rows, client.query(stream) as Writable);
        return stream.rowCount;
      },
    });
    for (const { table, column, value } of shape.sequences) {
      if (value === null) continue;
      await client.query('select setval(pg_get_serial_sequence($1, $2), $3::bigint)', [
        quote(table),
        column,
        value,
      ]);
    }
    await client.query(takeOverPosition);
    // They are none of this copy, however lately they were seen.
    await client.query(`update workers set state = 'silent' where state = 'active'`);
    await client.query('commit');
  });
}

/** What follows a load and the migrations since: statistics for the planner, and with `isPaused` no queue that runs. */
export async function settleSnapshot(db: Database, { isPaused }: { isPaused: boolean }): Promise<void> {
  if (isPaused) await db.query('update queues set paused = true');
  await db.query('analyze');
}

/** True when nothing of ours was ever stored there. */
export async function isUnused(connection: pg.ClientConfig): Promise<boolean> {
  return withClient(connection, async (client) => {
    const { rows } = await client.query<{ jobs: boolean; users: boolean }>(
      `select to_regclass('jobs') is not null as jobs, to_regclass('users') is not null as users`,
    );
    for (const table of ['jobs', 'users'] as const) {
      if (!rows[0]?.[table]) continue;
      const found = await client.query(`select from ${table} limit 1`);
      if (found.rows.length > 0) return false;
    }
    return true;
  });
}

async function withClient<T>(
  connection: pg.ClientConfig,
  work: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const client = createSession(connection, 'daybook backup');
  await client.connect();
  try {
    return await work(client);
  } finally {
    // Whatever was not committed is rolled back with the connection.
    await client.end();
  }
}

async function copyOut(
  client: pg.Client,
  { name, columns }: TableShape,
  write: (rows: Readable) => Promise<void>,
): Promise<number> {
  const { rows } = await client.query<{ column: string; type: string }>(
    `select attname as column, format_type(atttypid, null) as type from pg_attribute
     where attrelid = to_regclass($1) and attnum > 0 and not attisdropped`,
    [quote(name)],
  );
  const types = new Map(rows.map(({ column, type }) => [column, type]));
  // A transaction number means nothing to another server, and one that is still to come there would hide the row from
  // whoever reads by it. 3 is the first that any server gives out.
  const selected = columns.map((column) =>
    types.get(column) === 'xid8' ? `'${oldTransaction}'::xid8` : quote(column),
  );
  const stream = client.query(copyTo(`copy (select ${selected.join(', ')} from ${quote(name)}) to stdout`));
  await write(stream);
  return stream.rowCount;
}

/** Tables of the current schema, partitioned ones whole; not the record of migrations, which the target has itself. */
async function readTables(client: pg.Client): Promise<TableShape[]> {
  const { rows } = await client.query<TableShape>(
    `select c.relname::text as name, array_agg(a.attname::text order by a.attnum) as columns
     from pg_class c join pg_attribute a on a.attrelid = c.oid
     where c.relnamespace = current_schema()::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
       and c.relname <> 'schema_migrations' and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
     group by c.relname order by c.relname`,
  );
  return rows;
}

async function readPartitions(client: pg.Client): Promise<PartitionShape[]> {
  const { rows } = await client.query<PartitionShape>(
    `select c.relname::text as name, p.relname::text as parent, pg_get_expr(c.relpartbound, c.oid) as bound
     from pg_class c join pg_inherits i on i.inhrelid = c.oid join pg_class p on p.oid = i.inhparent
     where c.relnamespace = current_schema()::regnamespace and c.relispartition and c.relkind = 'r'
     order by c.relname`,
  );
  return rows;
}

async function readSequences(client: pg.Client): Promise<SequenceShape[]> {
  const { rows } = await client.query<SequenceShape>(
    `select c.relname::text as "table", a.attname::text as "column", s.last_value::text as value
     from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
     join pg_class q on q.oid = pg_get_serial_sequence(c.oid::regclass::text, a.attname)::regclass
     join pg_sequences s on s.schemaname = current_schema() and s.sequencename = q.relname
     where c.relnamespace = current_schema()::regnamespace and c.relkind in ('r', 'p')
       and pg_get_serial_sequence(c.oid::regclass::text, a.attname) is not null
     order by 1, 2`,
  );
  return rows;
}

const partitionBound = /^(DEFAULT|FOR VALUES [^;]*)$/;

async function replacePartitions(client: pg.Client, wanted: readonly PartitionShape[]): Promise<void> {
  for (const { name } of await readPartitions(client)) await client.query(`drop table ${quote(name)}`);
  for (const { name, parent, bound } of wanted) {
    if (!partitionBound.test(bound)) throw new Error(`"${bound}" is no bound of a partition`);
    await client.query(`create table ${quote(name)} partition of ${quote(parent)} ${bound}`);
  }
}

interface Reference {
  from: string;
  to: string;
}

async function readReferences(client: pg.Client): Promise<Reference[]> {
  const { rows } = await client.query<Reference>(
    `select distinct f.relname::text as "from", t.relname::text as "to"
     from pg_constraint k join pg_class f on f.oid = k.conrelid join pg_class t on t.oid = k.confrelid
     where k.contype = 'f' and k.conrelid <> k.confrelid and f.relnamespace = current_schema()::regnamespace`,
  );
  return rows;
}

/** A table that refers to itself may: its keys are checked at the end of its COPY. */
function inOrderOfReference(tables: readonly TableShape[], references: readonly Reference[]): TableShape[] {
  const ordered: TableShape[] = [];
  const waiting = new Set(tables);
  while (waiting.size > 0) {
    const names = new Set([...waiting].map(({ name }) => name));
    const next = [...waiting].filter(
      ({ name }) => !references.some(({ from, to }) => from === name && names.has(to)),
    );
    if (next.length === 0) throw new Error(`these tables refer to each other: ${[...names].join(', ')}`);
    for (const table of next) {
      ordered.push(table);
      waiting.delete(table);
    }
  }
  return ordered;
}

function quote(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
