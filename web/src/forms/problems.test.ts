import { expect, it } from 'vitest';
import { toMembers } from './fields.ts';
import { findProblems, problemAt } from './problems.ts';

const members = toMembers({
  required: ['name'],
  properties: {
    name: { type: 'string', minLength: 1, maxLength: 5, pattern: '^[a-z]*$' },
    count: { type: 'integer', minimum: 1, maximum: 9 },
    ratio: { type: 'number', exclusiveMinimum: 0 },
    mode: { enum: ['fast', 'slow'] },
    at: { type: 'string', format: 'date-time' },
    ports: { type: 'array', items: { type: 'integer' }, maxItems: 2 },
    sizes: { type: 'object', additionalProperties: { type: 'number' } },
    tls: { type: 'object', required: ['host'], properties: { host: { type: 'string' } } },
    any: {},
  },
});

it.each([
  [{}, { name: 'This is needed.' }],
  [{ name: '' }, { name: 'This is needed.' }],
  [{ name: 'toolong' }, { name: 'At most 5 characters.' }],
  [{ name: 'A' }, { name: 'Expected ^[a-z]*$' }],
  [
    { name: 'a', count: 0, ratio: 0, mode: 'warp', at: 'soon' },
    {
      count: 'At least 1.',
      ratio: 'More than 0.',
      mode: 'Expected fast, slow.',
      at: 'Expected a moment.',
    },
  ],
  [{ name: 'a', count: 1.5 }, { count: 'Expected a whole number.' }],
  [{ name: 'a', count: 10 }, { count: 'At most 9.' }],
  [{ name: 'a', ports: [1, 2, 3] }, { ports: 'At most 2.' }],
  [{ name: 'a', ports: [1, 'x'] }, { 'ports.1': 'Expected a number.' }],
  [{ name: 'a', sizes: { big: 'x' } }, { 'sizes.big': 'Expected a number.' }],
  [{ name: 'a', tls: {} }, { 'tls.host': 'This is needed.' }],
  [{ name: 'a', count: 9, ratio: 0.1, mode: 'slow', at: '2026-01-01T00:00:00Z', ports: [], any: 1 }, {}],
])('%j: %j', (values, problems) => {
  expect(findProblems(members, values)).toEqual(problems);
});

it.each([
  ['ports', { 'ports.1': 'Expected a number.' }, 'Ports 2: Expected a number.'],
  ['ports', { ports: 'At most 2.', 'ports.1': 'Expected a number.' }, 'At most 2.'],
  ['sizes', { 'sizes.big': 'Expected a number.' }, 'big: Expected a number.'],
  // A member of its own says so itself.
  ['tls', { 'tls.host': 'This is needed.' }, null],
  ['ports', { 'portsmouth.1': 'Expected a number.' }, null],
])('at %s, of %j: %s', (name, problems, said) => {
  const member = members.find((one) => one.name === name);
  expect(member && problemAt(problems, name, member)).toBe(said);
});
