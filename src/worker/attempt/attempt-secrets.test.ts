import { expect, it } from 'vitest';
import { openEnvironment, secretVariables, toMasks } from './attempt-secrets.ts';

const opener = {
  open: async (names: readonly string[]) => ({
    values: new Map(names.map((name) => [name, `value of ${name}`])),
  }),
};

it('variables get their texts and the values of their secrets', async () => {
  const run = { env: { A: 'plain', B: { secret: 'b' }, C: { secret: 'b' } } };
  expect(await openEnvironment(run, { opener, owner: 'ana' })).toEqual({
    env: { A: 'plain', B: 'value of b', C: 'value of b' },
    masks: ['value of b', 'value%20of%20b'],
  });
  expect(secretVariables(run)).toEqual({ B: 'b', C: 'b' });
});

it('a job without secrets asks nobody', async () => {
  const nobody = { open: () => Promise.reject(new Error('asked')) };
  const expected = { env: {}, masks: [] };
  expect(await openEnvironment(null, { opener: nobody, owner: 'ana' })).toEqual(expected);
  expect(secretVariables(null)).toEqual({});
});

it('a variable that would show its value in arguments takes no secret', async () => {
  const run = { env: { LD_PRELOAD: { secret: 'b' } } };
  expect(await openEnvironment(run, { opener, owner: 'ana' })).toEqual({
    problem: expect.stringContaining('LD_PRELOAD'),
  });
});

it('a value is hidden whole, inside JSON and URLs, and line by line where a line is long enough', () => {
  expect(toMasks('a"b\nlong enough\nshort')).toEqual([
    'a"b\nlong enough\nshort',
    'a\\"b\\nlong enough\\nshort',
    'a%22b%0Along%20enough%0Ashort',
    'a%22blong%20enoughshort',
    'long enough',
  ]);
  // Nothing that is shorter than a secret may be, or it would be found where it means something else.
  expect(toMasks('?#abcdef')).toEqual(['?#abcdef', '%3F%23abcdef', '%23abcdef']);
});
