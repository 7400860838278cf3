import type { Actor } from '../../contract/actor.ts';
import type { Lane, Queue } from '../../contract/fleet.ts';
import type { Place, WorkerRow } from '../jobs/ports.ts';

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
