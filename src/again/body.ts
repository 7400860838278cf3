import { AppError } from '../contract/errors.ts';
import { submitOptions, type Job, type SubmitOptions } from '../contract/job.ts';

/** Members of a submit, without the kind, which never changes. */
export type Body = Record<string, unknown>;

/** Their members are merged one by one. */
const merged = new Set(['input', 'env', 'limits']);

/**
 * The submit that would make such a job again. What belonged to that one run is left out: when it was due, what it ran
 * after, its idempotency key, and tags that we set.
 */
export function toBody(job: Job): Body {
  const own = job.lanes.find((lane) => lane.startsWith('key:'));
  const body: Body = {
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
    tags: job.tags.filter((tag) => !tag.startsWith('near-limit:')),
    limits: job.limits ?? undefined,
    nice: job.nice ?? undefined,
    env: job.env ?? undefined,
    stdin: job.stdin ?? undefined,
    workdir: job.workdir ?? undefined,
  };
  return Object.fromEntries(Object.entries(body).filter(([, value]) => value !== undefined));
}

/** A name that was made from the input follows it only when it is edited, too: lists then tell the two apart. */
export function applyEdit(body: Body, edit: Readonly<Record<string, unknown>>): Body {
  const next: Body = { ...body };
  for (const [name, value] of Object.entries(edit)) {
    if (value === null) delete next[name];
    else next[name] = merged.has(name) ? mergeMembers(next[name], value) : value;
  }
  if ('input' in edit && !('name' in edit)) delete next['name'];
  return next;
}

function mergeMembers(before: unknown, change: unknown): unknown {
  if (!isObject(change) || !isObject(before)) return change;
  const kept = Object.entries({ ...before, ...change }).filter(([, value]) => value !== null);
  return Object.fromEntries(kept);
}

/** @throws AppError `invalid_input` naming the fields of the edit */
export function checkOptions({ input: _input, ...options }: Body): SubmitOptions {
  const parsed = submitOptions.safeParse(options);
  if (parsed.success) return parsed.data;
  const details = parsed.error.issues.map(({ path, message }) => ({
    field: ['edit', ...path].join('.'),
    message,
  }));
  const list = details.map(({ field, message }) => `${field}: ${message}`).join('; ');
  throw new AppError('invalid_input', `The edit is not accepted. ${list}`, { details });
}

export function listChanges(before: Body, after: Body): { field: string; before: unknown; after: unknown }[] {
  const then = flatten(before);
  const now = flatten(after);
  return [...new Set([...then.keys(), ...now.keys()])]
    .filter((field) => JSON.stringify(then.get(field)) !== JSON.stringify(now.get(field)))
    .map((field) => ({ field, before: then.get(field) ?? null, after: now.get(field) ?? null }));
}

function flatten(body: Body): Map<string, unknown> {
  return new Map(
    Object.entries(body).flatMap(([name, value]): [string, unknown][] =>
      merged.has(name) && isObject(value)
        ? Object.entries(value).map(([member, inner]) => [`${name}.${member}`, inner])
        : [[name, value]],
    ),
  );
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
