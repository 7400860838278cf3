import type { JobState } from '../../../contract/states.ts';

/** Which jobs are looked for. */
export interface Wanted {
  /** Any of these; null: whatever their state. */
  states: readonly JobState[] | null;
  /** SQL on `job` that holds besides. */
  where: string;
  /** Whether an index of `jobs` has these in the order of the diary: those of an owner, or of a queue. */
  areInOrder?: boolean;
}

const views: Record<JobState, string> = {
  waiting: 'queued_rows job',
  scheduled: 'queued_rows job',
  queued: 'queued_rows job',
  running: 'running_rows job',
  succeeded: 'end_rows job',
  failed: 'end_rows job',
  cancelled: 'end_rows job',
  finished: 'end_rows job',
  unknown: 'end_rows job',
};

/**
 * What has succeeded stands in no index by owner or queue: it is most of what these have, so their jobs are walked. The
 * `offset` keeps it a walk: as a join the planner may read all of them first.
 */
const succeededInOrder = `job_rows job where exists (
  select from ends s where s.job_id = job.id and s.state = 'succeeded' offset 0
)`;

/**
 * SQL for `from`: rows `job` with the columns of `job_rows`. That view knows the state of a job only when it has looked into
 * all three tables, so a state is asked of its own table; and of one at a time, each with its order and limit, because
 * an index in the order of the diary gives that order for one state alone.
 *
 * @param rest `order by … limit …` on `job`, or what else ends a `select`
 */
export function jobsInStates({ states, where, areInOrder = false }: Wanted, rest = ''): string {
  if (states === null) return `(select job.* from job_rows job where ${where} ${rest}) job`;
  const parts = [...new Set(states)].map((state) => {
    const source =
      areInOrder && state === 'succeeded' ? succeededInOrder : `${views[state]} where job.state = '${state}'`;
    return `(select job.* from ${source} and ${where} ${rest})`;
  });
  if (parts.length === 0) return `(select job.* from job_rows job where false and ${where} ${rest}) job`;
  if (parts.length === 1) return `${parts.join('')} job`;
  return `(select * from (${parts.join(' union all ')}) job ${rest}) job`;
}

/** SQL for jobs that were found by something else. */
export function isInState(states: readonly JobState[]): string {
  return states.length === 0 ? 'false' : `job.state in (${states.map((state) => `'${state}'`).join(', ')})`;
}
