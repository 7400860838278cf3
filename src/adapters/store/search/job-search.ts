import type { Actor } from '../../../contract/actor.ts';
import {
  searchBudgetMs,
  type Found,
  type JobSearch,
  type SearchRequest,
} from '../../../domain/diary/ports.ts';
import type { Database } from '../database.ts';
import { readInOrder } from '../job-reader.ts';
import { addFilters, visibleTo } from '../jobs/conditions.ts';
import { planFilter } from './filter-plan.ts';
import { findPositions, type SearchSteps } from './find-positions.ts';
import { parseCursor, toCursor } from './position.ts';
import { createPartitionReader, type ReadPartitions } from './word-partitions.ts';

const defaultSteps: SearchSteps = { rows: 250, candidates: 250 };

/** @param steps how much is looked at first; what is found does not depend on it */
export function createJobSearch(db: Database, steps: SearchSteps = defaultSteps): JobSearch {
  const source = { db, readPartitions: createPartitionReader(db), steps };
  return {
    find: async (request, actor) => {
      const { items, ...rest } = await findIds(source, request, actor);
      return { items: await readInOrder(db, items, actor), ...rest };
    },
    findIds: (request, actor) => findIds(source, request, actor),
    now: async () => {
      const [row] = await db.query<{ now: Date }>('select now() as now');
      return row?.now ?? new Date();
    },
  };
}

async function findIds(
  { db, readPartitions, steps }: { db: Database; readPartitions: ReadPartitions; steps: SearchSteps },
  request: SearchRequest,
  actor: Actor,
): Promise<Found<number>> {
  const {
    filter,
    plain = {},
    order = 'newest',
    cursor,
    limit,
    now,
    timezone,
    budgetMs = searchBudgetMs,
  } = request;
  const plan = planFilter(filter, { now, timezone, actor }, plain);
  const byIds = plain.ids
    ? [{ sql: 'job.id = any(?::bigint[])', values: [plain.ids], readsWords: false }]
    : [];
  const { positions, reached } = await findPositions(db, {
    plan: { ...plan, narrow: [...plan.narrow, ...byIds] },
    restrict: (conditions) => void visibleTo(addFilters(conditions, plain), actor),
    order,
    behind: cursor === undefined ? null : parseCursor(cursor),
    span: { from: toMicros(plain.since), until: toMicros(plain.until) },
    // One more than asked for says whether there is another page.
    limit: limit + 1,
    budgetMs,
    ...(await readPartitions()),
    steps,
  });
  const page = positions.slice(0, limit);
  const last = page.at(-1);
  const isFull = positions.length > limit && last !== undefined;
  const next = isFull ? last : reached;
  return {
    items: page.map(({ id }) => Number(id)),
    cursor: next && toCursor(next),
    searchedBackTo: isFull || !reached ? null : new Date(Number(reached.micros) / 1_000).toISOString(),
  };
}

function toMicros(moment: Date | undefined): string | null {
  return moment ? `${moment.getTime()}000` : null;
}
