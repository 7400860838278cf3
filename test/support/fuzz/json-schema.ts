/** Values that fit a JSON schema (2020-12, as far as our OpenAPI document uses it), and values that nearly do. */
import fc from 'fast-check';

export interface JsonSchema {
  $ref?: string;
  type?: string | string[];
  enum?: unknown[];
  const?: unknown;
  anyOf?: JsonSchema[];
  oneOf?: JsonSchema[];
  allOf?: JsonSchema[];
  properties?: Record<string, JsonSchema>;
  required?: string[];
  additionalProperties?: boolean | JsonSchema;
  propertyNames?: JsonSchema;
  items?: JsonSchema;
  prefixItems?: JsonSchema[];
  minItems?: number;
  maxItems?: number;
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
  exclusiveMaximum?: number;
  minLength?: number;
  maxLength?: number;
  pattern?: string;
  format?: string;
}

/** What programs choke on. */
const hostileTexts = [
  '',
  ' ',
  '\0',
  'a\0b',
  '\ud800',
  'ﬀ\u202e',
  '😀'.repeat(50),
  "'; drop table jobs; --",
  '{{7*7}}${jndi:x}',
  '../../../etc/passwd',
  '%00%2e%2e%2f',
  '<script>alert(1)</script>',
  '\r\nset-cookie: a=b',
  'x'.repeat(70_000),
  '-1',
  'NaN',
  '1e400',
  '9'.repeat(40),
  '0x10',
  'null',
  '\u0001args:a=b',
  '"unclosed',
  '((((((((((',
  '-'.repeat(300),
  'id:>',
  '2026-02-31',
  '+275760-09-13T00:00:00.001Z',
];

const hostileValues: unknown[] = [
  null,
  true,
  -1,
  0,
  2 ** 31,
  2 ** 53,
  -(2 ** 63),
  1.5,
  1e308,
  [],
  {},
  [[]],
  { __proto__: { a: 1 } },
  { constructor: 1, toString: 2 },
  Array.from({ length: 2_000 }, (_, index) => index),
  nested(200),
  ...hostileTexts,
];

export const hostileText = fc.constantFrom(...hostileTexts);
export const hostileValue = fc.constantFrom(...hostileValues);

/** Mostly values that fit; now and then one place holds something hostile. */
export function arbitraryOf(
  schema: JsonSchema,
  resolve: (ref: string) => JsonSchema,
  depth = 0,
): fc.Arbitrary<unknown> {
  return fc.oneof(
    { weight: 24, arbitrary: fittingOf(schema, resolve, depth) },
    { weight: 1, arbitrary: hostileValue },
  );
}

function fittingOf(
  schema: JsonSchema,
  resolve: (ref: string) => JsonSchema,
  depth: number,
): fc.Arbitrary<unknown> {
  if (schema.$ref !== undefined) return fittingOf(resolve(schema.$ref), resolve, depth);
  if (schema.const !== undefined) return fc.constant(schema.const);
  if (schema.enum) return fc.constantFrom(...schema.enum);
  const variants = schema.anyOf ?? schema.oneOf;
  if (variants) return fc.oneof(...variants.map((variant) => fittingOf(variant, resolve, depth)));
  if (schema.allOf)
    return fittingOf(Object.assign({}, schema, ...schema.allOf, { allOf: undefined }), resolve, depth);
  if (depth > 6) return fc.constant(null);
  const types = [schema.type ?? (schema.properties ? 'object' : [])].flat();
  if (types.length === 0) return hostileValue;
  return fc.oneof(...types.map((type) => typedOf(type, schema, resolve, depth)));
}

function typedOf(
  type: string,
  schema: JsonSchema,
  resolve: (ref: string) => JsonSchema,
  depth: number,
): fc.Arbitrary<unknown> {
  switch (type) {
    case 'null':
      return fc.constant(null);
    case 'boolean':
      return fc.boolean();
    case 'integer':
    case 'number':
      return numberOf(type, schema);
    case 'string':
      return textOf(schema);
    case 'array':
      return arrayOf(schema, resolve, depth);
    default:
      return objectOf(schema, resolve, depth);
  }
}

function numberOf(type: string, schema: JsonSchema): fc.Arbitrary<number> {
  const least = schema.minimum ?? schema.exclusiveMinimum ?? -1_000;
  const most = schema.maximum ?? schema.exclusiveMaximum ?? 1_000_000;
  const edges = [least, most, least - 1, most + 1].filter((edge) => Number.isFinite(edge));
  const inside =
    type === 'integer'
      ? fc.integer({ min: Math.max(least, -(2 ** 31)), max: Math.min(most, 2 ** 31 - 1) })
      : fc.double({ min: least, max: most, noNaN: true });
  return fc.oneof({ weight: 6, arbitrary: inside }, { weight: 1, arbitrary: fc.constantFrom(...edges) });
}

function textOf({ format, pattern, minLength = 0, maxLength = 60 }: JsonSchema): fc.Arbitrary<string> {
  if (format === 'uuid') return fc.uuid();
  if (format === 'date-time') {
    const moments = fc.date({
      min: new Date('1990-01-01'),
      max: new Date('2060-01-01'),
      noInvalidDate: true,
    });
    return fc.oneof(
      moments.map((moment) => moment.toISOString()),
      fc.constantFrom('0000-01-01T00:00:00Z', '9999-12-31T23:59:59Z'),
    );
  }
  if (pattern !== undefined) return fc.oneof(matching(pattern), hostileText);
  return fc.oneof(
    {
      weight: 4,
      arbitrary: fc.string({
        minLength: Math.min(minLength, 60),
        maxLength: Math.max(minLength, Math.min(maxLength, 60)),
        unit: 'binary',
      }),
    },
    { weight: 1, arbitrary: hostileText },
  );
}

/** Expressions that look ahead cannot be made backwards; then any text has to do. */
function matching(pattern: string): fc.Arbitrary<string> {
  try {
    return fc.stringMatching(new RegExp(pattern));
  } catch {
    return fc.string({ maxLength: 60 });
  }
}

function arrayOf(
  schema: JsonSchema,
  resolve: (ref: string) => JsonSchema,
  depth: number,
): fc.Arbitrary<unknown[]> {
  if (schema.prefixItems)
    return fc.tuple(...schema.prefixItems.map((item) => arbitraryOf(item, resolve, depth + 1)));
  return fc.array(arbitraryOf(schema.items ?? {}, resolve, depth + 1), {
    minLength: Math.min(schema.minItems ?? 0, 3),
    maxLength: Math.min((schema.maxItems ?? 4) + 1, 5),
  });
}

function objectOf(
  schema: JsonSchema,
  resolve: (ref: string) => JsonSchema,
  depth: number,
): fc.Arbitrary<object> {
  const { properties = {}, required = [], additionalProperties } = schema;
  const members = Object.fromEntries(
    Object.entries(properties).map(([name, member]) => [name, arbitraryOf(member, resolve, depth + 1)]),
  );
  const known = fc.record(members, { requiredKeys: required.filter((name) => name in members) });
  if (typeof additionalProperties !== 'object')
    return fc.oneof(
      { weight: 15, arbitrary: known },
      { weight: 1, arbitrary: known.map((value) => ({ ...value, surprise: 1 })) },
    );
  const others = fc.dictionary(
    fc.string({ maxLength: 10 }),
    arbitraryOf(additionalProperties, resolve, depth + 1),
    { maxKeys: 3 },
  );
  return fc.tuple(known, others).map(([value, more]) => ({ ...more, ...value }));
}

function nested(depth: number): unknown {
  let value: unknown = 1;
  for (let level = 0; level < depth; level += 1) value = level % 2 === 0 ? [value] : { a: value };
  return value;
}
