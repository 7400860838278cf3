/**
 * SQL for `from`: jobs with which Daybook has something to do still, as the two tables have them that stay small, however
 * much the diary remembers.
 */
export const liveJobs = `(
  select job_id, place, state, lanes, submitted_at, run_at, started_at from queued
  union all
  select job_id, place, 'running', lanes, submitted_at, run_at, claimed_at from running
)`;
