import { isLongNumber } from '../../contract/whole-numbers.ts';

/** NUL and half a surrogate pair are text in JavaScript and errors in PostgreSQL. */
function isStorable(text: string): boolean {
  return text.isWellFormed() && !text.includes('\0');
}

/** Paths of the texts in a value that PostgreSQL cannot keep. */
export function findUnstorable(value: unknown): string[][] {
  if (typeof value === 'string') return isStorable(value) ? [] : [[]];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, member]) =>
    findUnstorable(member).map((path) => [key.toWellFormed(), ...path]),
  );
}

/**
 * What a program reported may hold anything. An end that the database refused would be tried for ever, together with
 * the other ends of its batch, so what cannot be kept is replaced.
 */
export function toStorable<T>(value: T): T {
  return replaceUnstorable(value, maxDepth) as T;
}

/** JSON of some thousand levels overflows the stack, here and in the database. */
const maxDepth = 200;

function replaceUnstorable(value: unknown, depth: number): unknown {
  if (typeof value === 'string')
    return isStorable(value) ? value : value.toWellFormed().replaceAll('\0', '\ufffd');
  if (typeof value !== 'object' || value === null || isLongNumber(value)) return value;
  if (depth === 0) return null;
  if (Array.isArray(value)) return value.map((member) => replaceUnstorable(member, depth - 1));
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) => [
      replaceUnstorable(key, depth),
      replaceUnstorable(member, depth - 1),
    ]),
  );
}
