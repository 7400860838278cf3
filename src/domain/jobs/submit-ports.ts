import type { Actor } from '../../contract/actor.ts';
import type { Job, SubmitOptions } from '../../contract/job.ts';
import type { TokenScope } from '../../contract/permissions.ts';

/** What a submit says besides the kind and its input. */
export interface SubmitRequest {
  kind: string;
  input: unknown;
  /** It is what the schema of the kind gave back: the API checks a body as a whole, to name every mistake. Else it is checked here. */
  isChecked?: boolean;
  options: SubmitOptions;
  /** Extra scope of the idempotency key: the principal. */
  actor: Actor;
  /** How far the token reaches that they came with; by default as far as their role. */
  scopes?: readonly TokenScope[];
  parentId?: number;
  /** Daybook asks in somebody's name: the only way to a kind that is internal. */
  isOurs?: boolean;
  /** A script that is not there fails the job instead of being refused: nobody reads the answer. */
  toleratesMissing?: boolean;
  /**
   * The job that it runs once more, and (else today's script) the hash of the kept text to run. An idempotency key stands
   * for what was asked: the job that the rest of the submit was made of may have been changed since.
   */
  again?: { of: number; scriptSha256: string | null; asked: AskedAgain };
}

export interface AskedAgain {
  as: 'it-was' | 'it-is';
  attempt: number | null;
  /** Members of a submit. */
  edit: Readonly<Record<string, unknown>>;
}

/** A submit that was stored. */
export interface StoredJob {
  id: number;
  uid: string;
  isNew: boolean;
  /** As it stood right after; null: it is to be read. */
  job: Job | null;
}

/** How jobs come in. Errors meant for people are `AppError`s. */
export interface Submits {
  /** Resolves after the commit: accepted means stored. @throws AppError `invalid_input`, `idempotency_conflict`, `queue_draining` */
  submit(request: SubmitRequest): Promise<StoredJob>;
  /** Whether `submit` would accept it; stores nothing. @throws AppError `invalid_input` */
  check(request: SubmitRequest): Promise<void>;
}
