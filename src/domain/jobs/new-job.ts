import type { Job } from '../../contract/job.ts';
import { toShownRun } from '../../contract/run-options.ts';
import type { NewJob } from './ports.ts';

/** What the store made of it. */
export interface Stored {
  id: number;
  submittedAt: Date;
  /** It runs already. */
  isClaimed: boolean;
}

/**
 * A job as it stands right after its submit, as a reader would show it; to read it back costs as much as to store it.
 * Null: more stands in it than the submit said, of jobs that it names.
 */
export function toNewJob(job: NewJob, { id, submittedAt, isClaimed }: Stored): Job | null {
  if (job.after.length + job.baseRuns.length > 0) return null;
  const at = submittedAt.toISOString();
  const { run, timeoutMs } = job;
  return {
    ...nothingYet,
    id,
    uid: job.uid,
    kind: job.kind,
    name: job.name,
    queue: job.queue,
    priority: job.priority,
    owner: job.owner,
    ownerId: job.ownerId,
    project: job.project,
    parentId: job.parentId,
    runAt: job.runAt,
    againOf: job.againOf,
    info: job.info,
    input: job.input,
    retry: job.retry,
    state: isClaimed ? 'running' : job.state,
    attempt: isClaimed ? 1 : 0,
    submittedAt: at,
    startedAt: isClaimed ? at : null,
    labels: [...job.needs],
    lanes: [...job.lanes],
    tags: [...job.tags],
    timeoutSeconds: timeoutMs === null ? null : timeoutMs / 1000,
    ...toShownRun(run),
  };
}

const nothingYet = {
  reason: null,
  family: null,
  message: null,
  errorLine: null,
  verdict: null,
  kindVerdict: null,
  analysis: null,
  assessment: null,
  assessed: null,
  keep: false,
  progress: null,
  blockedBy: null,
  foreign: null,
  cancelRequested: false,
  endedAt: null,
  result: null,
  summary: null,
  after: [],
  baseRuns: [],
  baseRunOf: [],
  warnings: [],
} satisfies Partial<Job>;
