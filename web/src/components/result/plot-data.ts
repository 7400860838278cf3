import type { PlotLine } from '../../composables/job/use-job-series.ts';

/** One column of places, and one of values for each line; null where a line was not measured there. */
export function toTable(
  lines: readonly PlotLine[],
  { isLog = false } = {},
): [number[], ...(number | null)[][]] {
  const places = [...new Set(lines.flatMap(({ x }) => [...x]))].toSorted((a, b) => a - b);
  const rowOf = new Map(places.map((place, row) => [place, row]));
  const columns = lines.map(({ x, y }) => {
    const column = Array<number | null>(places.length).fill(null);
    for (const [index, place] of x.entries()) {
      const value = y[index] ?? null;
      column[rowOf.get(place) ?? 0] = isLog && value !== null && value <= 0 ? null : value;
    }
    return column;
  });
  return [places, ...columns];
}

/** The same as a file (RFC 4180, but lines end with LF). */
export function toCsv(lines: readonly PlotLine[]): string {
  const [places, ...columns] = toTable(lines);
  const head = ['x', ...lines.map(({ label }) => quote(label))].join(',');
  const rows = places.map((place, row) => [place, ...columns.map((column) => column[row] ?? '')].join(','));
  return `${[head, ...rows].join('\n')}\n`;
}

function quote(text: string): string {
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
