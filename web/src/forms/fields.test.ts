import { describe, expect, it } from 'vitest';
import { emptyOf, fromText, toField, toLabel, toMembers } from './fields.ts';

describe('a field', () => {
  it.each([
    [
      { type: 'string', maxLength: 10 },
      { type: 'text', isLong: false, maxLength: 10 },
    ],
    [{ type: 'string' }, { type: 'text', isLong: true }],
    [{ type: 'string', format: 'date-time', pattern: '^x$' }, { type: 'moment' }],
    [
      { type: 'integer', minimum: -1, maximum: 5 },
      { type: 'number', isInteger: true, minimum: -1, maximum: 5, isAbove: false },
    ],
    [
      { type: 'number', exclusiveMinimum: 0 },
      { type: 'number', isInteger: false, minimum: 0, maximum: Infinity, isAbove: true },
    ],
    [
      { type: 'boolean', default: true, description: 'Why' },
      { type: 'boolean', initial: true, help: 'Why' },
    ],
    [
      { type: 'string', enum: ['a', 'b'] },
      { type: 'choice', choices: ['a', 'b'] },
    ],
    [
      { type: 'array', items: { type: 'integer' }, maxItems: 3 },
      { type: 'list', item: { type: 'number' }, minItems: 0, maxItems: 3 },
    ],
    [
      { type: 'object', additionalProperties: { type: 'number' } },
      { type: 'record', value: { type: 'number' } },
    ],
    [{ anyOf: [{ type: 'string' }, { type: 'number' }] }, { type: 'json' }],
    [
      { type: 'array', prefixItems: [{ type: 'string' }, { type: 'number' }] },
      { type: 'tuple', items: [{ type: 'text' }, { type: 'number' }] },
    ],
    [
      {
        anyOf: [
          { type: 'string', maxLength: 100 },
          { type: 'object', properties: { secret: {}, prefix: {} } },
        ],
      },
      { type: 'secretText', isLong: false, hasPrefix: true },
    ],
    [
      {
        anyOf: [
          { type: 'string', maxLength: 1e6 },
          { type: 'object', properties: { secret: {} } },
        ],
      },
      { type: 'secretText', isLong: true, hasPrefix: false },
    ],
    [{}, { type: 'json' }],
  ])('of %j', (schema, field) => {
    expect(toField(schema)).toMatchObject(field);
  });

  it('of an object has members, nested ones too; what has a default is not required', () => {
    const members = toMembers({
      required: ['host', 'port'],
      properties: {
        host: { type: 'string' },
        port: { type: 'integer', default: 80 },
        tls: { type: 'object', properties: { verify: { type: 'boolean' } } },
      },
    });
    expect(members.map(({ name, isRequired }) => [name, isRequired])).toEqual([
      ['host', true],
      ['port', false],
      ['tls', false],
    ]);
    expect(members[2]?.field).toMatchObject({ type: 'object', members: [{ name: 'verify' }] });
  });
});

it('a new item begins empty, one of a tuple with all its fields', () => {
  const pair = { type: 'array', prefixItems: [{ type: 'string' }, { type: 'number', default: 3 }] };
  expect(emptyOf(toField(pair))).toEqual(['', 3]);
  expect(emptyOf(toField({ type: 'object', properties: {} }))).toEqual({});
  expect(emptyOf(toField({}))).toBeNull();
});

it.each([
  ['timeoutSeconds', 'Timeout seconds'],
  ['after', 'After'],
  ['max_iter-count', 'Max iter count'],
])('%s is shown as %s', (name, label) => {
  expect(toLabel(name)).toBe(label);
});

it.each([
  [{ type: 'string' }, '5', '5'],
  [{ type: 'integer' }, '5', 5],
  [{ type: 'integer' }, 'five', 'five'],
  [{ type: 'boolean' }, 'true', true],
  [{ type: 'integer', enum: [1, 2] }, '2', 2],
  [{ type: 'array', items: { type: 'integer' } }, '1,2', [1, 2]],
  [{ type: 'array', items: { type: 'string' } }, '["a,b"]', ['a,b']],
  [{ anyOf: [{ type: 'string' }] }, '{"a":1}', { a: 1 }],
])('%j takes %j from an address as %j', (schema, text, value) => {
  expect(fromText(toField(schema), text)).toEqual(value);
});
