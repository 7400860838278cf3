import { toJsonText } from '../../format/json-text.ts';

export interface ResultTable {
  columns: string[];
  rows: string[][];
}

/** Rows of values by column, where a value is a list of flat objects; null where it is anything else. */
export function toTable(value: unknown): ResultTable | null {
  if (!Array.isArray(value) || value.length === 0 || !value.every(isFlat)) return null;
  const columns = [...new Set(value.flatMap((row) => Object.keys(row)))];
  return { columns, rows: value.map((row) => columns.map((column) => toCell(row[column]))) };
}

function isFlat(value: unknown): value is Record<string, unknown> {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    Object.values(value).every((member) => typeof member !== 'object' || member === null)
  );
}

function toCell(value: unknown): string {
  if (value === undefined || value === null) return '–';
  return typeof value === 'string' ? value : toJsonText(value);
}
