import type { Job } from './job.ts';

/** Members of a submit, without the kind. */
export type SubmitBody = Record<string, unknown>;

/**
 * The submit that would make such a job again. What belonged to that one run is left out: when it was due, what it ran
 * after, its idempotency key, and tags that we set.
 */
export function submitLike(job: Job): SubmitBody {
  const own = job.lanes.find((lane) => lane.startsWith('key:'));
  const body: SubmitBody = {
    input: job.input,
    name: job.name,
    queue: job.queue ?? undefined,
    priority: job.priority,
    labels: job.labels,
    lanes: job.lanes.filter((lane) => !/^(queue|user|key):/.test(lane)),
    concurrencyKey: own?.slice('key:'.length),
    timeoutSeconds: job.timeoutSeconds ?? undefined,
    retry: job.retry,
    project: job.project ?? undefined,
    tags: job.tags.filter((tag) => !/^(near-limit|schedule):/.test(tag)),
    limits: job.limits ?? undefined,
    nice: job.nice ?? undefined,
    env: job.env ?? undefined,
    stdin: job.stdin ?? undefined,
    workdir: job.workdir ?? undefined,
    files: job.files ?? undefined,
  };
  return Object.fromEntries(Object.entries(body).filter(([, value]) => value !== undefined));
}
