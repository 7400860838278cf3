/** What a chart of bars shows: a table of counts, and how to write it. */
export interface BarData {
  /** What the columns are: `Day`. */
  axis: string;
  groups: readonly { name: string; color: string; total: number }[];
  columns: readonly { label: string; title: string; values: readonly number[] }[];
}
