import type { Actor } from '../../contract/actor.ts';
import type { Failure } from '../../contract/failure.ts';
import type { Attempt, Job, JobEvent, JobSummary, UsualTime } from '../../contract/job.ts';
import type { JobState } from '../../contract/states.ts';
import type { AttemptRef } from '../output/ports.ts';

/** What lists and pages read. `visibleTo` is part of every statement behind it. */
export interface JobReader {
  list(query: JobQuery, actor: Actor): Promise<{ items: JobSummary[]; cursor: string | null }>;
  count(query: Omit<JobQuery, 'cursor' | 'limit'>, actor: Actor): Promise<number>;
  byId(id: number, actor: Actor): Promise<Job | null>;
  byUid(uid: string, actor: Actor): Promise<Job | null>;
  /** Which of these jobs are there. */
  known(ids: readonly number[], actor: Actor): Promise<Set<number>>;
  attempts(jobId: number, actor: Actor): Promise<Attempt[]>;
  /** The newest attempt of each job that has one. */
  newestAttempts(jobIds: readonly number[], actor: Actor): Promise<Map<number, Attempt>>;
  attemptRef(
    jobId: number,
    number: number | null,
    actor: Actor,
  ): Promise<(AttemptRef & { uid: string; isEnded: boolean }) | null>;
  events(jobId: number, afterId: number, limit: number, actor: Actor): Promise<JobEvent[]>;
  /** Events of all visible jobs after a feed position, in commit order. */
  feed(
    position: string | null,
    limit: number,
    actor: Actor,
  ): Promise<{ events: FeedEvent[]; position: string }>;
  stats(actor: Actor): Promise<JobStats>;
  /** Families of jobs that failed in this time, the newest failure first. */
  failures(query: { since: Date; until: Date; limit: number }, actor: Actor): Promise<Failure[]>;
}

export interface FeedEvent extends JobEvent {
  /** State of the job when the event was read. */
  state: JobState;
  position: string;
}

export interface JobQuery {
  /** Only these; some hundred at most. */
  ids?: readonly number[];
  states?: readonly JobState[];
  kind?: string;
  queue?: string;
  owner?: string;
  project?: string;
  worker?: string;
  since?: Date;
  until?: Date;
  order?: 'newest' | 'oldest';
  cursor?: string;
  limit: number;
}

export interface JobStats {
  states: Partial<Record<JobState, number>>;
  queues: { queue: string; state: JobState; count: number }[];
}

/** How long jobs like this one took; null where no past run tells. */
export type UsualTimes = (job: { kind: string; name: string }) => UsualTime | null;

export interface UsualTimeReader {
  /** Of the jobs that the actor sees: what jobs of a name took tells that there were such jobs. */
  read(actor: Actor): Promise<UsualTimes>;
}
