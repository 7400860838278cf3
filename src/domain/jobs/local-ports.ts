import type { AttemptKey } from '../../contract/attempt.ts';
import type { ClaimedJob, ClaimRequest, NewJob } from './ports.ts';

/** The worker of this process: what is stored here may go to its slots at once. */
export interface LocalWorker {
  /** What to claim with the end of these attempts, in their place; null: nothing. */
  claimInPlaceOf(ending: readonly AttemptKey[]): LocalClaim | null;
  /** A slot for a job that is submitted here; null: it takes its turn. */
  claimForSubmit(job: Pick<NewJob, 'kind' | 'queue' | 'needs'>): LocalClaim | null;
}

/** Where the worker of this process is found, once there is one. */
export interface LocalWork {
  worker?: LocalWorker;
}

/** A claim that goes with another statement. */
export interface LocalClaim {
  request: ClaimRequest;
  /** Called once, whatever happens; null: it failed, and nobody knows what it claimed. */
  answered(claimed: readonly ClaimedJob[] | null): void;
}
