import { expect, it } from 'vitest';
import { editOf } from './edit.ts';
import { toMembers } from './fields.ts';

const options = toMembers({
  properties: {
    queue: { type: 'string', default: 'default' },
    tags: { type: 'array', items: { type: 'string' }, default: [] },
    project: { type: 'string' },
    env: { type: 'object', additionalProperties: { type: 'string' } },
  },
});
const before = {
  input: { script: 'a.sh', arguments: [['-l', '']] },
  queue: 'night',
  tags: ['x'],
  project: '3001',
  env: { A: '1', B: '2' },
};
const same = { kind: 'script', input: before.input, options: { ...before, input: undefined } };

it('nothing changed is no edit, whatever the order of members', () => {
  expect(editOf(before, same, options)).toEqual({});
  const turned = { ...same, input: { arguments: [['-l', '']], script: 'a.sh' } };
  expect(editOf(before, turned, options)).toEqual({});
});

it('members of input and env are named one by one, null leaves one out', () => {
  const draft = {
    ...same,
    input: { script: 'a.sh', arguments: [] },
    options: { ...same.options, env: { A: '1', C: '3' }, project: '', tags: ['x', 'y'] },
  };
  expect(editOf(before, draft, options)).toEqual({
    input: { arguments: [] },
    tags: ['x', 'y'],
    project: null,
    env: { B: null, C: '3' },
  });
});

it('a default that the job did not have is no edit', () => {
  const draft = { kind: 'script', input: {}, options: { queue: 'default', tags: [] } };
  expect(editOf({ input: {} }, draft, options)).toEqual({});
});
