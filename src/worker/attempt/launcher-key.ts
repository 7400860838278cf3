/** Names an attempt to the launcher, and in the environment of its program. */
export function launcherKey(job: { jobId: number; number: number; token: string }): string {
  return `${job.jobId}.${job.number}.${job.token}`;
}
