import type { Order, Position, Window } from './position.ts';

/**
 * The spans of the diary behind a position, in order: of one partition, then of two, four, eight …
 *
 * @param edges where partitions meet, in microseconds, oldest first
 */
export function* windowsBehind(
  edges: readonly string[],
  order: Order,
  position: Position | null,
): Generator<Window> {
  const at = position && BigInt(position.micros);
  const isBehind = (edge: string): boolean =>
    at === null || (order === 'newest' ? BigInt(edge) < at : BigInt(edge) > at);
  const ahead = edges.filter(isBehind);
  if (order === 'newest') ahead.reverse();
  // Newer partitions need not even be planned for.
  let near = at === null ? null : String(order === 'newest' ? at + 1n : at);
  for (let first = 0, count = 1; first <= ahead.length; first += count, count *= 2) {
    const far: string | null = ahead[first + count - 1] ?? null;
    yield order === 'newest' ? { from: far, until: near } : { from: near, until: far };
    near = far;
  }
}
