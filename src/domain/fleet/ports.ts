import type { Actor } from '../../contract/actor.ts';
import type { Lane, Queue } from '../../contract/fleet.ts';
import type { Place, RunningAttempt } from '../jobs/ports.ts';

export interface WorkerRow {
  id: string;
  name: string;
  host: string;
  pid: number;
  version: string;
  slots: number;
  queues: readonly string[];
  labels: readonly string[];
  kinds: readonly string[];
}

export interface WorkerBeat {
  /** `expired`: this incarnation was given up; register anew. */
  status: 'alive' | 'expired';
  draining: boolean;
  /** The attempts that are still ours; any other that runs here must be ended. */
  owned: readonly OwnedAttempt[];
}

export interface OwnedAttempt {
  jobId: number;
  number: number;
  cancelRequested: boolean;
  /** How long the cancel gives it to end by itself; null: as long as the worker does. */
  cancelGraceMs: number | null;
  /** It holds a place in a limited lane; one may become limited while the attempt runs. */
  isLimited: boolean;
}

export interface WatchedWorker {
  id: string;
  name: string;
  incarnation: number;
  beat: number;
}

/**
 * Who is there to run attempts, and whose attempts are whose. Every method is one transaction, safe to call from any
 * number of processes at once.
 */
export interface WorkerStore {
  /** Starts a new incarnation of a worker and hands back the attempts it still owns. */
  register(worker: WorkerRow): Promise<{ incarnation: number; running: RunningAttempt[] }>;
  beat(workerId: string, incarnation: number): Promise<WorkerBeat>;
  stop(workerId: string, incarnation: number): Promise<void>;
  setProblem(workerId: string, incarnation: number, problem: string | null): Promise<void>;
  /** Workers that should beat: active ones, and any that still owns a running attempt. */
  watched(): Promise<WatchedWorker[]>;
  /** Gives up a worker, unless it has moved since it was watched. Returns its running attempts, to be finished. */
  giveUp(worker: WatchedWorker): Promise<RunningAttempt[]>;
}

/** Queues, lanes and workers as operators see and change them. */
export interface FleetStore {
  /** With numbers over all jobs: they name none. */
  queues(): Promise<Queue[]>;
  /** Once a drain is answered, nothing comes to that queue any more: also nothing that was under way. */
  putQueue(
    name: string,
    change: {
      paused?: boolean | undefined;
      draining?: boolean | undefined;
      note?: string | null | undefined;
    },
  ): Promise<void>;
  removeQueue(name: string): Promise<'removed' | 'not_found' | 'in_use'>;
  /** Where jobs of a queue may wait: one place per set of needed labels. */
  places(queue: string): Promise<Place[]>;
  /** With numbers over all jobs; the keys that jobs were given only of jobs that the actor sees. */
  lanes(actor: Actor): Promise<Lane[]>;
  putLane(key: string, change: { capacity: number; note?: string | null | undefined }): Promise<Lane>;
  removeLane(key: string): Promise<boolean>;
  workers(): Promise<
    (WorkerRow & {
      state: 'active' | 'stopped' | 'silent';
      draining: boolean;
      problem: string | null;
      running: number;
      startedAt: Date;
      seenAt: Date;
    })[]
  >;
  setDraining(workerId: string, draining: boolean): Promise<boolean>;
}
