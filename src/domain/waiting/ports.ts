import type { Actor } from '../../contract/actor.ts';
import type { JobState } from '../../contract/states.ts';
import type { Waiting } from '../../contract/waiting.ts';

/** Tells why jobs do not run yet. */
export interface WaitingReasons {
  /** Null when there is no such job. */
  explain(jobId: number, actor: Actor): Promise<Waiting | null>;
}

/** Where the facts come from. */
export interface WaitingStore {
  facts(jobId: number, actor: Actor): Promise<WaitingFacts | null>;
}

export interface WaitingFacts {
  /** By the clock of the database, which set the other times, too. */
  now: Date;
  job: {
    id: number;
    state: JobState;
    kind: string;
    queue: string | null;
    labels: readonly string[];
    runAt: Date | null;
  };
  /** Jobs it runs after which have not ended. The submit named them, so their numbers are known to whoever sees it. */
  dependencies: readonly ({ id: number; mustSucceed: boolean } & BusyJob)[];
  queue: { paused: boolean; note: string | null } | null;
  /** Lanes it needs a place in, with whoever has their places now. */
  lanes: readonly {
    key: string;
    capacity: number;
    taken: number;
    ahead: readonly Work[];
    holders: readonly BusyJob[];
  }[];
  /** Active workers. */
  workers: readonly WorkerFacts[];
  /** Queued jobs that the same queue gives first, best first, at most `aheadLimit`. */
  ahead: readonly Work[];
}

export interface WorkerFacts {
  name: string;
  slots: number;
  queues: readonly string[];
  labels: readonly string[];
  kinds: readonly string[];
  draining: boolean;
  problem: string | null;
  running: readonly BusyJob[];
}

/** How long jobs like one took, in milliseconds; null where no past run that the actor sees tells. */
export interface Work {
  usualMs: number | null;
}

export interface BusyJob extends Work {
  /** Null: the actor may not see it. */
  id: number | null;
  /** Null: the actor may not see it. */
  state: JobState | null;
  startedAt: Date | null;
}

export const aheadLimit = 1_000;
