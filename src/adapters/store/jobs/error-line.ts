/** SQL: of a failed job, the line of its newest attempt's output that says best what went wrong. */
export function errorLineOf(job: string): string {
  return `case when ${job}.state = 'failed' then (
    select x.error_line from attempts x where x.job_id = ${job}.id and x.number = ${job}.attempt
  ) end`;
}
