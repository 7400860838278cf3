import type { Actor } from '../../contract/actor.ts';
import type { Filter } from '../../contract/filter/filter.ts';
import type {
  Bucket,
  DiskHistory,
  Grouping,
  JobCounts,
  JobTimes,
  QueueHistory,
} from '../../contract/stats.ts';

/** Jobs submitted in a time, the end excluded, that fit a filter. */
export interface StatsRequest {
  from: Date;
  until: Date;
  filter: Filter;
  /** When the filter is read. */
  now: Date;
  /** IANA name; says when a day begins. */
  timezone: string;
}

/**
 * Figures over many jobs. `visibleTo` is part of every statement behind it. All are counted when asked; beyond a
 * million jobs from a part of them, see `every`.
 *
 * @throws AppError `database_unavailable` when the database is away, `conflict` when a count takes too long
 */
export interface StatsReader {
  counts(request: StatsRequest & { by: Grouping; bucket: Bucket }, actor: Actor): Promise<JobCounts>;
  times(request: StatsRequest & { by: Grouping; of: 'run' | 'wait' }, actor: Actor): Promise<JobTimes>;
  disk(request: StatsRequest, actor: Actor): Promise<DiskHistory>;
  /** The last minutes of every queue. */
  queues(request: { minutes: number; now: Date }, actor: Actor): Promise<QueueHistory>;
}
