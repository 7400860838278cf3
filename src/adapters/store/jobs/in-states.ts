import type { JobState } from '../../../contract/states.ts';

/** Which jobs are looked for. */
export interface Wanted {
  /** Any of these; null: whatever their state. */
  states: readonly JobState[] | null;
  /** SQL on the job `j` that holds besides. */
  where: string;
  /** Whether an index of `jobs` has these in the order of the diary: those of an owner, or of a queue. */
  areInOrder?: boolean;
}

const views: Record<JobState, string> = {
  waiting: 'queued_rows j',
  scheduled: 'queued_rows j',
  queued: 'queued_rows j',
  running: 'running_rows j',
  succeeded: 'end_rows j',
  failed: 'end_rows j',
  cancelled: 'end_rows j',
  finished: 'end_rows j',
  unknown: 'end_rows j',
};

/**
 * What has succeeded stands in no index by owner or queue: it is most of what these have, so their jobs are walked. The
 * `offset` keeps it a walk: as a join the planner may read all of them first.
 */
const succeededInOrder = `job_rows j where exists (
  select from ends s where s.job_id = j.id and s.state = 'succeeded' offset 0
)`;

/**
 * SQL for `from`: jobs `j` with the columns of `job_rows`. That view knows the state of a job only when it has looked into
 * all three tables, so a state is asked of its own table; and of one at a time, each with its order and limit, because
 * an index in the order of the diary gives that order for one state alone.
 *
 * @param rest `order by … limit …` on `j`, or what else ends a `select`
 */
export function jobsInStates({ states, where, areInOrder = false }: Wanted, rest = ''): string {
  if (states === null) return `(select j.* from job_rows j where ${where} ${rest}) j`;
  const parts = [...new Set(states)].map((state) => {
    const source =
      areInOrder && state === 'succeeded' ? succeededInOrder : `${views[state]} where j.state = '${state}'`;
    return `(select j.* from ${source} and ${where} ${rest})`;
  });
  if (parts.length === 0) return `(select j.* from job_rows j where false and ${where} ${rest}) j`;
  if (parts.length === 1) return `${parts.join('')} j`;
  return `(select * from (${parts.join(' union all ')}) j ${rest}) j`;
}

/** SQL for jobs that were found by something else. */
export function isInState(states: readonly JobState[]): string {
  return states.length === 0 ? 'false' : `j.state in (${states.map((state) => `'${state}'`).join(', ')})`;
}
