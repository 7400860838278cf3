import type { KindDescription } from '../../contract/kind.ts';
import { cleanText } from './clean-text.ts';
import type { Paint } from './output.ts';
import { formatFields } from './table.ts';

/** The part of JSON Schema that inputs of kinds are made of. */
interface Schema {
  type?: string | readonly string[];
  description?: string;
  default?: unknown;
  const?: unknown;
  enum?: readonly unknown[];
  minimum?: number;
  maximum?: number;
  items?: Schema;
  prefixItems?: readonly Schema[];
  properties?: Readonly<Record<string, Schema>>;
  required?: readonly string[];
  anyOf?: readonly Schema[];
  oneOf?: readonly Schema[];
}

/** What a kind is, and each member of its input. */
export function describeKind({ name, title, description, input }: KindDescription, paint: Paint): string {
  const members = listMembers(input, '');
  return [
    paint('bold', `${cleanText(name)}: ${cleanText(title)}`),
    cleanText(description),
    '',
    paint('bold', 'Members of --input, as JSON:'),
    ...formatFields(members).map((line) => `  ${line}`),
  ].join('\n');
}

function listMembers({ properties = {}, required = [] }: Schema, path: string): [string, string][] {
  return Object.entries(properties).flatMap(([name, member]): [string, string][] => {
    const place = `${path}${cleanText(name)}`;
    const inner = member.items?.properties
      ? listMembers(member.items, `${place}[].`)
      : listMembers(member, `${place}.`);
    return [[place, describeMember(member, required.includes(name))], ...inner];
  });
}

function describeMember(member: Schema, isNeeded: boolean): string {
  const facts = [
    typeOf(member),
    ...(isNeeded ? ['needed'] : []),
    ...(member.default === undefined ? [] : [`by default ${JSON.stringify(member.default)}`]),
  ].join(', ');
  return cleanText(member.description === undefined ? facts : `${facts}. ${member.description}`);
}

function typeOf(schema: Schema): string {
  const { type, items, prefixItems, minimum, maximum } = schema;
  const choices =
    schema.anyOf ??
    schema.oneOf ??
    (Array.isArray(type) ? type.map((one) => ({ ...schema, type: one })) : null);
  if (choices) return [...new Set(choices.map(typeOf))].join(' or ');
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum) return `one of ${schema.enum.map((value) => JSON.stringify(value)).join(', ')}`;
  switch (type) {
    case 'array':
      if (prefixItems) return `[${prefixItems.map(typeOf).join(', ')}]`;
      return `list of ${items ? typeOf(items) : 'anything'}`;
    case 'integer':
      return `whole number${rangeOf(minimum, maximum)}`;
    case 'number':
      return `number${rangeOf(minimum, maximum)}`;
    case 'string':
      return 'text';
    case 'boolean':
      return 'true or false';
    default:
      return typeof type === 'string' ? type : 'anything';
  }
}

function rangeOf(minimum = -Infinity, maximum = Infinity): string {
  // Every whole number has these ends.
  const from = minimum > Number.MIN_SAFE_INTEGER ? ` from ${minimum}` : '';
  return maximum < Number.MAX_SAFE_INTEGER ? `${from} to ${maximum}` : from;
}
