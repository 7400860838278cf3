import type { ClaimedJob, JobStore } from '../../domain/jobs/ports.ts';
import type { Logger } from '../../lib/logger.ts';

/** Most programs are over before anybody could look. */
const afterMs = 50;

type Mark = Parameters<JobStore['markLaunched']>[0][number];

/**
 * Lets the record show early what runs, unless it has ended by then. The end records it once more, so a failure here
 * loses nothing.
 */
export function markLaunched(
  { jobId, number, token }: Pick<ClaimedJob, 'jobId' | 'number' | 'token'>,
  facts: Omit<Mark, 'jobId' | 'number' | 'token' | 'launchedAt'> & { launchedAt: Date },
  {
    store,
    logger,
    ended,
  }: { store: Pick<JobStore, 'markLaunched'>; logger: Logger; ended: Promise<unknown> },
): void {
  const mark = { ...facts, jobId, number, token, launchedAt: facts.launchedAt.toISOString() };
  const timer = setTimeout(() => {
    store.markLaunched([mark]).catch((error: unknown) => {
      logger.debug({ err: error }, 'The start could not be recorded yet.');
    });
  }, afterMs);
  void ended.then(() => clearTimeout(timer));
}
