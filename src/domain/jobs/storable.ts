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
  return (isWhollyStorable(value, maxDepth) ? value : replaceUnstorable(value, maxDepth)) as T;
}

/** JSON of some thousand levels overflows the stack, here and in the database. */
const maxDepth = 200;

/** Of nearly every end: it is told from the others without a copy. */
function isWhollyStorable(value: unknown, depth: number): boolean {
  if (typeof value === 'string') return isStorable(value);
  if (typeof value !== 'object' || value === null || isLongNumber(value)) return true;
  if (depth === 0) return false;
  if (Array.isArray(value)) return value.every((member) => isWhollyStorable(member, depth - 1));
  for (const key of Object.keys(value)) {
    if (!isStorable(key) || !isWhollyStorable((value as Record<string, unknown>)[key], depth - 1))
      return false;
  }
  return true;
}

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
