import { invalidField } from '../../../contract/errors.ts';
import type { Conditions } from '../jobs/conditions.ts';

/** A place in the diary. Microseconds since 1970 as text: JavaScript's dates have milliseconds. */
export interface Position {
  micros: string;
  id: string;
}

/** SQL for the microseconds of a timestamp. */
export const microsOf = (column: string): string => `(extract(epoch from ${column}) * 1000000)::bigint::text`;

/** SQL that gives the position of a row. */
export const positionOf = (alias: string): string =>
  `${microsOf(`${alias}.submitted_at`)} as micros, ${alias}.id::text as id`;

/** SQL for a timestamp from its microseconds; immutable, so that the planner leaves out partitions. */
const fromMicros = 'to_timestamp(?::float8 / 1000000)';

export type Order = 'newest' | 'oldest';

/** SQL for `order by`. */
export function inOrder(alias: string, order: Order): string {
  const direction = order === 'newest' ? 'desc' : 'asc';
  return `${alias}.submitted_at ${direction}, ${alias}.id ${direction}`;
}

/** Adds the condition that a row stands behind a position. */
export function addBehind(
  conditions: Conditions,
  columns: string,
  order: Order,
  position: Position | null,
): void {
  if (!position) return;
  const operator = order === 'newest' ? '<' : '>';
  conditions.add(`(${columns}) ${operator} (${fromMicros}, ?::bigint)`, position.micros, position.id);
}

/** Adds the conditions of a span of time, the end excluded. */
export function addWindow(conditions: Conditions, column: string, { from, until }: Window): void {
  if (from !== null) conditions.add(`${column} >= ${fromMicros}`, from);
  if (until !== null) conditions.add(`${column} < ${fromMicros}`, until);
}

/** Microseconds; null where it is open. */
export interface Window {
  from: string | null;
  until: string | null;
}

/** @throws AppError `invalid_input` when the text is no cursor of ours */
export function parseCursor(cursor: string): Position {
  const match = /^(-?\d{1,17})-(\d{1,15})$/.exec(cursor);
  if (match?.[1] && match[2]) return { micros: match[1], id: match[2] };
  throw invalidField('cursor', 'expected the `cursor` of an earlier page');
}

export function toCursor({ micros, id }: Position): string {
  return `${micros}-${id}`;
}

/** Behind every job up to a moment (newest first: from it on), and in front of all others. */
export function edgeAt(micros: string, order: Order): Position {
  return order === 'newest'
    ? { micros, id: '0' }
    : { micros: String(BigInt(micros) - 1n), id: '999999999999999' };
}
