import { withoutEmpty, type Draft } from './draft.ts';
import type { Member } from './fields.ts';
import { isRecord } from './problems.ts';

/** Their members are named one by one. */
const merged: ReadonlySet<string> = new Set(['input', 'env', 'limits']);

/**
 * What makes the draft of a job's submit: members that are others now, null for what is left out, as `edit` of
 * `POST /jobs/:id/again` takes it.
 */
export function editOf(
  before: Readonly<Record<string, unknown>>,
  draft: Draft,
  options: readonly Member[],
): Record<string, unknown> {
  const names = options.map(({ name }) => name);
  const after: Record<string, unknown> = { input: draft.input };
  for (const { name, field } of options) {
    const value = withoutEmpty(draft.options[name]);
    const isLeftAsBefore = before[name] === undefined && isSame(value, field.initial);
    if (!isLeftAsBefore) after[name] = value;
  }
  return Object.fromEntries(
    ['input', ...names].flatMap((name): [string, unknown][] => {
      const [a, b] = [withoutEmpty(before[name]), withoutEmpty(after[name])];
      if (isSame(a, b)) return [];
      if (merged.has(name)) return [[name, changedMembers(membersOf(a), membersOf(b))]];
      return [[name, b ?? null]];
    }),
  );
}

function membersOf(value: unknown): Record<string, unknown> {
  return isRecord(value) ? value : {};
}

function changedMembers(
  before: Record<string, unknown>,
  after: Record<string, unknown>,
): Record<string, unknown> {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  return Object.fromEntries(
    names.filter((name) => !isSame(before[name], after[name])).map((name) => [name, after[name] ?? null]),
  );
}

/** Whatever the order of members. */
function isSame(a: unknown, b: unknown): boolean {
  return write(a) === write(b);
}

function write(value: unknown): string | undefined {
  return JSON.stringify(value, (_, inner: unknown) =>
    isRecord(inner)
      ? Object.fromEntries(Object.entries(inner).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}
