import { AppError } from '../../contract/errors.ts';
import { submitOptions, type SubmitOptions } from '../../contract/job.ts';
import type { SubmitBody } from '../../contract/submit-like.ts';

/** Their members are merged one by one. */
const merged = new Set(['input', 'env', 'limits']);

/** A name that was made from the input follows it only when it is edited, too: lists then tell the two apart. */
export function applyEdit(body: SubmitBody, edit: Readonly<Record<string, unknown>>): SubmitBody {
  const next: SubmitBody = { ...body };
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
export function checkOptions({ input: _input, ...options }: SubmitBody): SubmitOptions {
  const parsed = submitOptions.safeParse(options);
  if (parsed.success) return parsed.data;
  const details = parsed.error.issues.map(({ path, message }) => ({
    field: ['edit', ...path].join('.'),
    message,
  }));
  const list = details.map(({ field, message }) => `${field}: ${message}`).join('; ');
  throw new AppError('invalid_input', `The edit is not accepted. ${list}`, { details });
}

export function listChanges(
  before: SubmitBody,
  after: SubmitBody,
): { field: string; before: unknown; after: unknown }[] {
  const then = flatten(before);
  const now = flatten(after);
  return [...new Set([...then.keys(), ...now.keys()])]
    .filter((field) => JSON.stringify(then.get(field)) !== JSON.stringify(now.get(field)))
    .map((field) => ({ field, before: then.get(field) ?? null, after: now.get(field) ?? null }));
}

function flatten(body: SubmitBody): Map<string, unknown> {
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
