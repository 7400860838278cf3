import type { AttemptKey } from '../../contract/attempt.ts';

/** Named measured columns of an attempt. */
export interface SeriesStore {
  append(attempt: AttemptKey, points: readonly SeriesPoints[]): Promise<void>;
  list(jobId: number): Promise<SeriesSummary[]>;
  /** Both columns, as 64-bit floats, of at most `limit` points from `first` on. */
  read(seriesId: number, first: number, limit: number): Promise<{ x: Float64Array; y: Float64Array }>;
}

export interface SeriesPoints {
  name: string;
  unit?: string | null | undefined;
  x: readonly number[];
  y: readonly number[];
}

export interface SeriesSummary {
  id: number;
  attempt: number;
  name: string;
  unit: string | null;
  points: number;
}
