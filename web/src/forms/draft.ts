import { fromText, type Field, type Member } from './fields.ts';
import { isRecord } from './problems.ts';

/** A submit while somebody writes it: the input of its kind, and what accompanies it. */
export interface Draft {
  kind: string;
  input: Record<string, unknown>;
  options: Record<string, unknown>;
}

/** What is sent: without what was left empty, and without what is the default anyway. */
export function toBody(draft: Draft, options: readonly Member[]): Record<string, unknown> {
  const said = Object.entries(draft.options).flatMap(([name, value]) => {
    const initial = options.find((member) => member.name === name)?.field.initial;
    const left = withoutEmpty(value);
    return left === undefined || JSON.stringify(left) === JSON.stringify(initial) ? [] : [[name, left]];
  });
  return { kind: draft.kind, input: draft.input, ...Object.fromEntries(said) };
}

/** Undefined for an empty text, list or object. */
export function withoutEmpty(value: unknown): unknown {
  if (value === '' || value === null || value === undefined) return undefined;
  if (Array.isArray(value)) return value.length === 0 ? undefined : value;
  if (!isRecord(value)) return value;
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  return members.length === 0 ? undefined : Object.fromEntries(members);
}

/** A form as it begins: what the schema gives. */
export function initialValues(members: readonly Member[]): Record<string, unknown> {
  return Object.fromEntries(
    members.flatMap(({ name, field }) =>
      field.initial === undefined ? [] : [[name, copyOf(field.initial)]],
    ),
  );
}

/** Fields that an address gives: `input.script=ls.sh&project=3001`. */
export function applyAddress(
  draft: Draft,
  query: Readonly<Record<string, unknown>>,
  fields: { input: readonly Member[]; options: readonly Member[] },
): Draft {
  const next = copyOf(draft);
  for (const [name, text] of Object.entries(query)) {
    if (typeof text !== 'string') continue;
    const path = name.split('.');
    const [members, values] =
      path[0] === 'input' ? [fields.input, next.input] : [fields.options, next.options];
    if (path[0] === 'input') path.shift();
    const field = fieldAt(members, path);
    if (field) put(values, path, fromText(field, text));
  }
  return next;
}

function fieldAt(members: readonly Member[], [name, ...rest]: readonly string[]): Field | undefined {
  const field = members.find((member) => member.name === name)?.field;
  if (rest.length === 0 || !field) return field;
  if (field.type === 'object') return fieldAt(field.members, rest);
  return field.type === 'record' && rest.length === 1 ? field.value : undefined;
}

function put(values: Record<string, unknown>, [name = '', ...rest]: readonly string[], value: unknown): void {
  if (rest.length === 0) {
    values[name] = value;
    return;
  }
  const inner = values[name];
  const members = isRecord(inner) ? inner : {};
  values[name] = members;
  put(members, rest, value);
}

/** Of JSON; `structuredClone` takes no reactive objects. */
export function copyOf<Value>(value: Value): Value {
  return JSON.parse(JSON.stringify(value)) as Value;
}
