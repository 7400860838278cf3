import type { Database } from '../database.ts';

/** Where the partitions of the words meet, in microseconds, oldest first. */
export type ReadEdges = () => Promise<readonly string[]>;

const partitionsOf = `
select c.relname as name, (regexp_match(pg_get_expr(c.relpartbound, c.oid), 'FROM \\(''([^'']+)''\\)'))[1]::timestamptz as start
from pg_inherits i join pg_class c on c.oid = i.inhrelid where i.inhparent = 'job_words'::regclass`;

const edgesKeptMs = 5_000;

/**
 * Reads the edges and keeps them for some seconds. Old ones cost a search some time, never a job: they only say in what
 * pieces it asks.
 */
export function createEdges(db: Database): ReadEdges {
  let known: { edges: readonly string[]; untilMs: number } | undefined;
  return async () => {
    if (known && performance.now() < known.untilMs) return known.edges;
    const rows = await db.query<{ micros: string }>(
      `select (extract(epoch from start) * 1000000)::bigint::text as micros from (${partitionsOf}) p
       where start is not null order by start`,
    );
    known = { edges: rows.map(({ micros }) => micros), untilMs: performance.now() + edgesKeptMs };
    return known.edges;
  };
}
