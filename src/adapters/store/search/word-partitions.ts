import type { Database } from '../database.ts';

/** What searches should know of the partitions of the words. */
export interface WordPartitions {
  /** Where they meet, in microseconds, oldest first. */
  edges: readonly string[];
  /** Words that many of the jobs have. */
  common: readonly string[];
}

export type ReadPartitions = () => Promise<WordPartitions>;

const readEdges = `
select (extract(epoch from start) * 1000000)::bigint::text as micros from (
  select (regexp_match(pg_get_expr(c.relpartbound, c.oid), 'FROM \\(''([^'']+)''\\)'))[1]::timestamptz as start
  from pg_inherits i join pg_class c on c.oid = i.inhrelid where i.inhparent = 'job_words'::regclass
) p where start is not null order by start`;

/** What `analyze` found in the largest partition. The list of shares ends with the least and the largest of them. */
const readCommon = `
select word from (
  select most_common_elems::text::text[] as words, most_common_elem_freqs as shares
  from pg_stats s join pg_class c on c.oid = format('%I.%I', s.schemaname, s.tablename)::regclass
  join pg_inherits i on i.inhrelid = c.oid
  where i.inhparent = 'job_words'::regclass and s.attname = 'words' and most_common_elems is not null
  order by c.reltuples desc limit 1
) p, unnest(words, shares) as u (word, share) where word is not null and share >= $1`;

/** Of the jobs. The index has as many places to decode; below it that costs less than a look at the row. */
const commonShare = 0.05;

const keptMs = 5_000;

/**
 * Reads it and keeps it for some seconds. What is old costs a search some time, never a job: it only says in what pieces
 * it asks, and by which of the words.
 */
export function createPartitionReader(db: Database): ReadPartitions {
  let known: { partitions: WordPartitions; untilMs: number } | undefined;
  return async () => {
    if (known && performance.now() < known.untilMs) return known.partitions;
    const edges = await db.query<{ micros: string }>(readEdges);
    const common = await db.query<{ word: string }>(readCommon, [commonShare]);
    const partitions = { edges: edges.map(({ micros }) => micros), common: common.map(({ word }) => word) };
    known = { partitions, untilMs: performance.now() + keptMs };
    return partitions;
  };
}
