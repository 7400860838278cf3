import type { Actor } from '../../contract/actor.ts';
import type { AgainDifference } from '../../contract/again.ts';
import type { TokenScope } from '../../contract/permissions.ts';
import type { Job } from '../../contract/job.ts';
import type { StoredJob } from '../jobs/submit-ports.ts';

export interface AgainRequest {
  /** One the actor may see. */
  job: Job;
  as: 'it-was' | 'it-is';
  /** Null: the newest attempt that has a capsule. */
  attempt: number | null;
  edit: Readonly<Record<string, unknown>>;
  actor: Actor;
  /** How far the token reaches that they came with. */
  scopes: readonly TokenScope[];
}

/** Runs a job once more, as a new job that says of which. */
export interface Again {
  /** What would be different. @throws AppError `invalid_input` for an edit that is no submit */
  compare(request: AgainRequest): Promise<AgainDifference>;
  /** @throws AppError `invalid_input`; `conflict` when the text of then is not kept; `idempotency_conflict` */
  submit(request: AgainRequest & { idempotencyKey: string | null }): Promise<StoredJob>;
}
