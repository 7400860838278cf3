import type { OutputPlace } from './ports.ts';

/** Reads `12.40` (a chunk and how many of its lines came before) or `stdout:120` (a line); null when it is neither. */
export function parsePlace(text: string): OutputPlace | null {
  const place = /^(\d{1,9})\.(\d{1,9})$/.exec(text);
  if (place) return { by: 'place', chunk: Number(place[1]), index: Number(place[2]) };
  const line = /^(stdout|stderr):(\d{1,15})$/.exec(text);
  return line
    ? { by: 'line', stream: line[1] === 'stderr' ? 'stderr' : 'stdout', line: Number(line[2]) }
    : null;
}
