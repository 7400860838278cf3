/** Names one attempt of a job. */
export interface AttemptId {
  jobId: number;
  /** From 1. */
  number: number;
}

/**
 * Names it to those that may report of it and end it: the token fences late results, and tells the attempt from one of
 * another life of the same database.
 */
export interface AttemptKey extends AttemptId {
  token: string;
}

/** `7.2`: the second attempt of job 7. */
export function attemptName({ jobId, number }: AttemptId): string {
  return `${jobId}.${number}`;
}
