/** What of JSON Schema (draft 2020-12) the schemas of kinds are made of. */
export interface JsonSchema {
  type?: string;
  description?: string;
  default?: unknown;
  enum?: unknown[];
  const?: unknown;
  properties?: Record<string, JsonSchema>;
  required?: string[];
  additionalProperties?: JsonSchema | boolean;
  items?: JsonSchema;
  prefixItems?: JsonSchema[];
  anyOf?: JsonSchema[];
  oneOf?: JsonSchema[];
  format?: string;
  pattern?: string;
  minLength?: number;
  maxLength?: number;
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
  exclusiveMaximum?: number;
  minItems?: number;
  maxItems?: number;
}

/** What a person is asked, and how the answer is checked. */
export type Field = { help: string | null; initial: unknown } & (
  | { type: 'text'; isLong: boolean; pattern: string | null; minLength: number; maxLength: number }
  /** A text, or the name of a secret whose value it gets. */
  | { type: 'secretText'; isLong: boolean; hasPrefix: boolean }
  | { type: 'moment' }
  | { type: 'number'; isInteger: boolean; minimum: number; maximum: number; isAbove: boolean }
  | { type: 'boolean' }
  | { type: 'choice'; choices: readonly (string | number)[] }
  | { type: 'list'; item: Field; minItems: number; maxItems: number }
  | { type: 'tuple'; items: readonly Field[] }
  | { type: 'record'; value: Field }
  | { type: 'object'; members: readonly Member[] }
  /** Whatever no form fits: other unions, anything. */
  | { type: 'json' }
);

export interface Member {
  name: string;
  label: string;
  isRequired: boolean;
  field: Field;
}

/** A text that may be longer than this gets several lines. */
const longText = 2_000;
/** What may be a secret instead is one line, as variables and headers are, unless it may be a document. */
const maxLineLength = 100_000;

export function toField(schema: JsonSchema): Field {
  return { help: schema.description ?? null, initial: schema.default, ...shapeOf(schema) };
}

type Shape = Field extends infer F ? (F extends Field ? Omit<F, 'help' | 'initial'> : never) : never;

function shapeOf(schema: JsonSchema): Shape {
  const { type, properties, additionalProperties, items } = schema;
  if (schema.anyOf) return secretTextOf(schema.anyOf) ?? { type: 'json' };
  if (schema.oneOf || schema.const !== undefined) return { type: 'json' };
  if (schema.prefixItems) return { type: 'tuple', items: schema.prefixItems.map(toField) };
  if (schema.enum) {
    const choices = schema.enum.filter((one) => typeof one === 'string' || typeof one === 'number');
    return choices.length === schema.enum.length ? { type: 'choice', choices } : { type: 'json' };
  }
  if (type === 'string') return schema.format === 'date-time' ? { type: 'moment' } : textOf(schema);
  if (type === 'number' || type === 'integer') return numberOf(schema);
  if (type === 'boolean') return { type: 'boolean' };
  if (type === 'array' && items) {
    const { minItems = 0, maxItems = Infinity } = schema;
    return { type: 'list', item: toField(items), minItems, maxItems };
  }
  if (type === 'object' && properties) return { type: 'object', members: toMembers(schema) };
  if (type === 'object' && typeof additionalProperties === 'object')
    return { type: 'record', value: toField(additionalProperties) };
  return { type: 'json' };
}

function secretTextOf(choices: readonly JsonSchema[]): Shape | null {
  const text = choices.find(({ type }) => type === 'string');
  const reference = choices.find(({ properties }) => properties?.['secret']);
  if (choices.length !== 2 || !text || !reference) return null;
  return {
    type: 'secretText',
    isLong: (text.maxLength ?? Infinity) > maxLineLength,
    hasPrefix: reference.properties?.['prefix'] !== undefined,
  };
}

function textOf({ pattern, minLength = 0, maxLength = Infinity }: JsonSchema): Shape {
  const isLong = maxLength >= longText && pattern === undefined;
  return { type: 'text', isLong, pattern: pattern ?? null, minLength, maxLength };
}

function numberOf(schema: JsonSchema): Shape {
  const { exclusiveMinimum, minimum = exclusiveMinimum ?? -Infinity } = schema;
  const { maximum = schema.exclusiveMaximum ?? Infinity } = schema;
  return {
    type: 'number',
    isInteger: schema.type === 'integer',
    minimum,
    maximum,
    isAbove: exclusiveMinimum !== undefined,
  };
}

/** The members of an object, in the order of the schema. */
export function toMembers({ properties = {}, required = [] }: JsonSchema): Member[] {
  return Object.entries(properties).map(([name, schema]) => ({
    name,
    label: toLabel(name),
    // What has a default need not be given.
    isRequired: required.includes(name) && schema.default === undefined,
    field: toField(schema),
  }));
}

/** `timeoutSeconds` as `Timeout seconds` */
export function toLabel(name: string): string {
  const words = name
    .replaceAll(/([a-z0-9])([A-Z])/g, '$1 $2')
    .replaceAll(/[_-]+/g, ' ')
    .toLowerCase();
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** What a new item of a list, or one that was cleared, begins with. */
export function emptyOf(field: Field): unknown {
  switch (field.type) {
    case 'object':
      return {};
    case 'tuple':
      return field.items.map(emptyOf);
    case 'text':
    case 'secretText':
      return field.initial ?? '';
    default:
      return field.initial ?? null;
  }
}

/** A value as an address writes it: JSON where the field is no text. */
export function fromText(field: Field | undefined, text: string): unknown {
  if (!field || field.type === 'text' || field.type === 'secretText' || field.type === 'moment') return text;
  if (field.type === 'choice') return field.choices.find((choice) => String(choice) === text) ?? text;
  try {
    return JSON.parse(text);
  } catch {
    if (field.type === 'list') return text.split(',').map((part) => fromText(field.item, part));
    return text;
  }
}

/** A moment as a field of type `datetime-local` takes it: the clock of this browser, to the minute. */
export function toLocalMoment(moment: string): string {
  const at = new Date(moment);
  if (Number.isNaN(at.getTime())) return '';
  const local = new Date(at.getTime() - 60_000 * at.getTimezoneOffset());
  return local.toISOString().slice(0, 16);
}
