import type { Field, Member } from './fields.ts';

/** What is wrong, by the path of the field: `input.script`. */
export type Problems = Readonly<Record<string, string>>;

/** What the server would refuse, as far as the schema tells. Fields that were left out are wrong when they must be given. */
export function findProblems(
  members: readonly Member[],
  values: Readonly<Record<string, unknown>>,
  path = '',
): Problems {
  return Object.assign(
    {},
    ...members.map(({ name, field, isRequired }): Problems => {
      const value = values[name];
      const here = path === '' ? name : `${path}.${name}`;
      if (value === undefined) return isRequired ? { [here]: 'This is needed.' } : {};
      return problemsOf(field, value, here);
    }),
  ) as Problems;
}

/**
 * What to say at a field: what is wrong with itself, else with the first of its items, whose controls say nothing. Null:
 * nothing is wrong.
 */
export function problemAt(problems: Problems, path: string, { label, field }: Member): string | null {
  if (problems[path] !== undefined) return problems[path];
  if (field.type !== 'list' && field.type !== 'record') return null;
  const found = Object.entries(problems).find(
    ([place]) => place.startsWith(`${path}.`) && !place.includes('.', path.length + 1),
  );
  if (!found) return null;
  const [place, message] = found;
  const name = place.slice(path.length + 1);
  return `${field.type === 'list' ? `${label} ${Number(name) + 1}` : name}: ${message}`;
}

function problemsOf(field: Field, value: unknown, path: string): Problems {
  switch (field.type) {
    case 'object':
      return isRecord(value) ? findProblems(field.members, value, path) : { [path]: 'Expected an object.' };
    case 'record':
      return isRecord(value) ? ofEach(Object.entries(value), field.value, path) : {};
    case 'tuple':
      return Array.isArray(value)
        ? (Object.assign(
            {},
            ...field.items.map((item, index) => problemsOf(item, value[index], `${path}.${index}`)),
          ) as Problems)
        : { [path]: 'Expected a list.' };
    case 'list':
      return Array.isArray(value) ? ofList(field, value, path) : { [path]: 'Expected a list.' };
    default: {
      const problem = problemOf(field, value);
      return problem === null ? {} : { [path]: problem };
    }
  }
}

function ofList(
  { item, minItems, maxItems }: Extract<Field, { type: 'list' }>,
  values: readonly unknown[],
  path: string,
): Problems {
  if (values.length < minItems) return { [path]: `At least ${minItems}.` };
  if (values.length > maxItems) return { [path]: `At most ${maxItems}.` };
  return ofEach(
    values.map((value, index) => [String(index), value]),
    item,
    path,
  );
}

function ofEach(entries: readonly (readonly [string, unknown])[], field: Field, path: string): Problems {
  return Object.assign(
    {},
    ...entries.map(([name, value]) => problemsOf(field, value, `${path}.${name}`)),
  ) as Problems;
}

/** Of a value without members; null when nothing is wrong. */
function problemOf(field: Field, value: unknown): string | null {
  switch (field.type) {
    case 'text': {
      if (typeof value !== 'string') return 'Expected a text.';
      if (value.length < field.minLength)
        return field.minLength === 1 ? 'This is needed.' : `At least ${field.minLength} characters.`;
      if (value.length > field.maxLength) return `At most ${field.maxLength} characters.`;
      return field.pattern === null || new RegExp(field.pattern, 'u').test(value)
        ? null
        : `Expected ${field.pattern}`;
    }
    case 'secretText':
      return isRecord(value) && !value['secret'] ? 'Which secret?' : null;
    case 'number': {
      if (typeof value !== 'number' || !Number.isFinite(value)) return 'Expected a number.';
      if (field.isInteger && !Number.isInteger(value)) return 'Expected a whole number.';
      if (field.isAbove ? value <= field.minimum : value < field.minimum)
        return field.isAbove ? `More than ${field.minimum}.` : `At least ${field.minimum}.`;
      return value > field.maximum ? `At most ${field.maximum}.` : null;
    }
    case 'moment':
      return typeof value === 'string' && !Number.isNaN(Date.parse(value)) ? null : 'Expected a moment.';
    case 'choice':
      return field.choices.some((choice) => choice === value)
        ? null
        : `Expected ${field.choices.join(', ')}.`;
    default:
      return null;
  }
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
