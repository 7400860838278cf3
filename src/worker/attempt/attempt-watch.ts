import type { ClaimedJob, JobStore, NearLimit } from '../../domain/jobs/ports.ts';
import type { ProgramNews, UsageSample } from '../../launcher/protocol.ts';
import type { Logger } from '../../lib/logger.ts';
import type { SeriesPoints, SeriesStore } from '../../domain/reports/series-ports.ts';

/** Attempts that are over sooner keep no series of their use. */
const shortMs = 10_000;
const storeEveryMs = 5_000;

export interface AttemptWatchStores {
  jobs: Pick<JobStore, 'nearLimit'>;
  series: Pick<SeriesStore, 'append' | 'list'>;
}

/**
 * What the launcher's watch saw of an attempt, on its way into the record: limits that came near, and its use over
 * time as series. The launcher tells all of it once more to the next life of a worker; each sample is one point of
 * `daybook.memory`, so the number of points stored says where to go on.
 */
export class AttemptWatch {
  readonly #job: ClaimedJob;
  readonly #stores: AttemptWatchStores;
  readonly #logger: Logger;
  readonly #samples: UsageSample[] = [];
  readonly #told = new Set<string>();
  /** Points in the store. Null: to be looked up. */
  #stored: number | null;
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;
  #storing: Promise<void> = Promise.resolve();

  constructor(job: ClaimedJob, stores: AttemptWatchStores, options: { isAdopted: boolean; logger: Logger }) {
    this.#job = job;
    this.#stores = stores;
    this.#logger = options.logger;
    this.#stored = options.isAdopted ? null : 0;
  }

  accept({ near, firstSample, samples }: ProgramNews): void {
    for (const hit of near) this.near(hit);
    this.#samples.splice(firstSample, samples.length, ...samples);
    if ((this.#samples.at(-1)?.atMs ?? 0) < shortMs || this.#isClosed) return;
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      // One behind the other: two at once would both store the points behind the last one known.
      this.#storing = this.#storing.then(() => this.#store());
    }, storeEveryMs);
  }

  /** Once for each limit; what the store does not take is logged, since a warning may not keep an attempt. */
  near(hit: NearLimit): void {
    if (this.#told.has(hit.limit)) return;
    this.#told.add(hit.limit);
    this.#stores.jobs.nearLimit(this.#job, hit).catch((error: unknown) => {
      this.#told.delete(hit.limit);
      this.#logger.warn(
        { err: error, job: this.#job.jobId, hit },
        'A limit came near; it could not be stored.',
      );
    });
  }

  /** Stores what is left, as far as the store answers. @param ranMs how long the program ran; its last sample is older */
  async close(ranMs: number): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    await this.#storing;
    if (ranMs >= shortMs) await this.#store();
  }

  async #store(): Promise<void> {
    const upTo = this.#samples.length;
    try {
      const from = (this.#stored ??= await this.#countStored());
      if (from >= upTo) return;
      await this.#stores.series.append(this.#job, toPoints(this.#samples.slice(0, upTo), from));
      this.#stored = upTo;
    } catch (error) {
      // Whether they were stored is not known: they are counted before the next try.
      this.#stored = null;
      this.#logger.warn(
        { err: error, job: this.#job.jobId },
        'The use of an attempt could not be stored yet.',
      );
    }
  }

  async #countStored(): Promise<number> {
    const { jobId, number } = this.#job;
    const all = await this.#stores.series.list(jobId);
    return all.find(({ attempt, name }) => attempt === number && name === 'daybook.memory')?.points ?? 0;
  }
}

/** From the sample of that number on. Rates are those since the sample before. */
export function toPoints(samples: readonly UsageSample[], from: number): SeriesPoints[] {
  const columns = {
    cpu: { name: 'daybook.cpu', unit: 'cores', x: [] as number[], y: [] as number[] },
    memory: { name: 'daybook.memory', unit: 'B', x: [] as number[], y: [] as number[] },
    read: { name: 'daybook.read', unit: 'B/s', x: [] as number[], y: [] as number[] },
    written: { name: 'daybook.written', unit: 'B/s', x: [] as number[], y: [] as number[] },
  };
  const add = (column: { x: number[]; y: number[] }, x: number, y: number | null): void => {
    if (y === null) return;
    column.x.push(x);
    column.y.push(y);
  };
  for (let index = from; index < samples.length; index += 1) {
    const sample = samples[index];
    if (!sample) continue;
    const before = samples[index - 1];
    const x = sample.atMs / 1000;
    const seconds = Math.max(0.001, x - (before?.atMs ?? 0) / 1000);
    const rate = (now: number | null, then: number | null | undefined): number | null =>
      now === null ? null : Math.max(0, now - (then ?? 0)) / seconds;
    add(columns.memory, x, sample.memoryBytes);
    add(columns.cpu, x, (rate(sample.cpuMs, before?.cpuMs) ?? 0) / 1000);
    add(columns.read, x, rate(sample.readBytes, before?.readBytes));
    add(columns.written, x, rate(sample.writtenBytes, before?.writtenBytes));
  }
  return Object.values(columns).filter(({ x }) => x.length > 0);
}
