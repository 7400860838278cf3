import { describe, expect, it } from 'vitest';
import { applyAddress, initialValues, toBody } from './draft.ts';
import { toMembers } from './fields.ts';

const input = toMembers({
  properties: {
    script: { type: 'string' },
    count: { type: 'integer', default: 3 },
    tls: { type: 'object', properties: { verify: { type: 'boolean' } } },
  },
});
const options = toMembers({
  properties: {
    queue: { type: 'string', default: 'default' },
    project: { type: 'string' },
    tags: { type: 'array', items: { type: 'string' } },
    env: { type: 'object', additionalProperties: { type: 'string' } },
  },
});

it('a form begins with the defaults', () => {
  expect(initialValues(input)).toEqual({ count: 3 });
});

describe('what is sent', () => {
  it('leaves out what is empty or the default', () => {
    const draft = {
      kind: 'x',
      input: { script: '' },
      options: { queue: 'default', project: '', tags: [], env: { A: undefined } },
    };
    expect(toBody(draft, options)).toEqual({ kind: 'x', input: { script: '' } });
  });

  it('has everything else', () => {
    const draft = { kind: 'x', input: {}, options: { queue: 'night', tags: ['a'], env: { A: '' } } };
    expect(toBody(draft, options)).toEqual({
      kind: 'x',
      input: {},
      queue: 'night',
      tags: ['a'],
      env: { A: '' },
    });
  });
});

it('an address fills in fields that there are, nested ones too', () => {
  const draft = { kind: 'x', input: { count: 3 }, options: {} };
  const query = {
    'input.script': 'ls.sh',
    'input.count': '5',
    'input.tls.verify': 'true',
    project: '3001',
    tags: 'a,b',
    'env.LEVEL': '9',
    like: '17',
    'input.__proto__.x': '1',
  };
  expect(applyAddress(draft, query, { input, options })).toEqual({
    kind: 'x',
    input: { script: 'ls.sh', count: 5, tls: { verify: true } },
    options: { project: '3001', tags: ['a', 'b'], env: { LEVEL: '9' } },
  });
  expect(draft.input).toEqual({ count: 3 });
});
