import { z } from 'zod';
import type { AttemptKey } from '../../contract/attempt.ts';
import { plainText } from '../../contract/job.ts';
import { parseJson, toDouble } from '../../contract/whole-numbers.ts';
import type { JobStore, ReportsLeftOut } from '../../domain/jobs/ports.ts';
import type { OutputPiece } from '../../domain/output/ports.ts';
import type { SeriesPoints, SeriesStore } from '../../domain/reports/series-ports.ts';
import type { Logger } from '../../lib/logger.ts';
import { KeptResult } from './kept-result.ts';

/** Often enough to watch, seldom enough to cost nothing. */
const storeEveryMs = 500;

/** Of one attempt. A job with more is a list that nobody reads, and a row of the database for each. */
const mostSeries = 1_000;

const numbers = z.preprocess(
  (value) => (Array.isArray(value) ? value.map(toDouble) : toDouble(value)),
  z.union([z.number(), z.array(z.number()).max(100_000)]).transform((value) => [value].flat()),
);

/**
 * What a program may report by a line `{"daybook": …}` on its standard output. Members that do not fit are ignored:
 * a program must not fail by its reports.
 */
export const protocolMember = z.object({
  progress: z.number().min(0).max(1).nullish().catch(null),
  message: plainText.max(500).nullish().catch(null),
  series: z
    .object({ name: plainText.min(1).max(200), unit: plainText.max(50).nullish(), x: numbers, y: numbers })
    .optional()
    .catch(undefined),
  result: z.record(z.string(), z.unknown()).optional().catch(undefined),
});

/** Collects progress and series of a running attempt and stores them now and then. */
export class Measurements {
  readonly #key: AttemptKey;
  readonly #stores: { jobs: Pick<JobStore, 'setProgress'>; series: SeriesStore };
  readonly #logger: Logger;
  #progress: { fraction: number | null; message: string | null; at: string } | null = null;
  #series: SeriesPoints[] = [];
  readonly #result = new KeptResult();
  readonly #seriesNames = new Set<string>();
  #seriesLeftOut = 0;
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;
  #storing: Promise<void> = Promise.resolve();

  constructor(
    key: AttemptKey,
    stores: { jobs: Pick<JobStore, 'setProgress'>; series: SeriesStore },
    logger: Logger,
  ) {
    this.#key = key;
    this.#stores = stores;
    this.#logger = logger;
  }

  get result(): Record<string, unknown> | null {
    return this.#result.members;
  }

  /** What did not fit; null: all did. */
  get leftOut(): ReportsLeftOut | null {
    const leftOut = { members: this.#result.leftOut, series: this.#seriesLeftOut };
    return leftOut.members + leftOut.series > 0 ? leftOut : null;
  }

  accept(member: unknown): void {
    const parsed = protocolMember.safeParse(member);
    if (!parsed.success) return;
    const { progress, message, series, result } = parsed.data;
    if (typeof progress === 'number' || message) this.progress(progress ?? null, message ?? null);
    if (series && series.x.length === series.y.length) this.series(series);
    if (result) this.addResult(result);
  }

  progress(fraction: number | null, message: string | null): void {
    this.#progress = { fraction, message, at: new Date().toISOString() };
    this.#plan();
  }

  series(points: SeriesPoints): void {
    if (!this.#admits(points.name)) return;
    this.#series.push(points);
    this.#plan();
  }

  /** Of a line that an earlier life of the worker has stored: its progress and series are stored, its result is not. */
  acceptResult(member: unknown): void {
    const parsed = protocolMember.safeParse(member);
    if (!parsed.success) return;
    const { series, result } = parsed.data;
    if (series && series.x.length === series.y.length) this.#admits(series.name);
    if (result) this.addResult(result);
  }

  /** The results among what an earlier life of the worker has stored. */
  async rereadResult(pieces: AsyncIterable<Pick<OutputPiece, 'kind' | 'bytes'>>): Promise<void> {
    for await (const { kind, bytes } of pieces) {
      if (kind !== 'protocol') continue;
      const { daybook } = parseJson(bytes.toString()) as { daybook: unknown };
      this.acceptResult(daybook);
    }
  }

  addResult(members: Record<string, unknown>): void {
    this.#result.add(members);
  }

  /** Stores what is left, as far as the store answers. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    await this.#storing;
    await this.#store();
  }

  /** Points of a series that is known always do. */
  #admits(name: string): boolean {
    if (this.#seriesNames.has(name)) return true;
    if (this.#seriesNames.size >= mostSeries) {
      this.#seriesLeftOut += 1;
      return false;
    }
    this.#seriesNames.add(name);
    return true;
  }

  #plan(): void {
    if (this.#isClosed) return;
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      // One behind the other: an older progress may not be stored over a newer one, and `close` waits for all.
      this.#storing = this.#storing.then(() => this.#store());
    }, storeEveryMs);
  }

  async #store(): Promise<void> {
    const progress = this.#progress;
    const series = this.#series;
    this.#progress = null;
    this.#series = [];
    try {
      if (progress) await this.#stores.jobs.setProgress([{ ...this.#key, progress }]);
      if (series.length > 0) await this.#stores.series.append(this.#key, series);
    } catch (error) {
      this.#progress ??= progress;
      this.#series = [...series, ...this.#series];
      this.#logger.warn({ err: error }, 'Measurements could not be stored yet.');
      this.#plan();
    }
  }
}
