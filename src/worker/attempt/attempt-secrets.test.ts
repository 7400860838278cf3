import { expect, it } from 'vitest';
import { createMask } from '../../lib/mask-values.ts';
import { openEnvironment, secretVariables, toMasks } from './attempt-secrets.ts';

const owner = { owner: 'ana', ownerId: 1 };
const opener = {
  open: async (names: readonly string[]) => ({
    values: new Map(names.map((name) => [name, `value of ${name}`])),
  }),
};

it('variables get their texts and the values of their secrets', async () => {
  const run = { env: { A: 'plain', B: { secret: 'b' }, C: { secret: 'b' } } };
  expect(await openEnvironment(run, { opener, owner })).toEqual({
    env: { A: 'plain', B: 'value of b', C: 'value of b' },
    masks: ['value of b', 'value%20of%20b', 'value+of+b'],
  });
  expect(secretVariables(run)).toEqual({ B: 'b', C: 'b' });
});

it('a job without secrets asks nobody', async () => {
  const owner = { owner: 'ana', ownerId: 1 };
  const nobody = { open: () => Promise.reject(new Error('asked')) };
  const expected = { env: {}, masks: [] };
  expect(await openEnvironment(null, { opener: nobody, owner })).toEqual(expected);
  expect(secretVariables(null)).toEqual({});
});

it('a variable that would show its value in arguments takes no secret', async () => {
  const run = { env: { LD_PRELOAD: { secret: 'b' } } };
  expect(await openEnvironment(run, { opener, owner })).toEqual({
    problem: expect.stringContaining('LD_PRELOAD'),
  });
});

it('a value is hidden whole, inside JSON and URLs, and line by line where a line is long enough', () => {
  expect(toMasks('a"b\nlong enough\nshort')).toEqual([
    'a"b\nlong enough\nshort',
    'a\\"b\\nlong enough\\nshort',
    'a%22b%0Along%20enough%0Ashort',
    'a%22b%0along%20enough%0ashort',
    'a%22b%0Along+enough%0Ashort',
    'a%22b%0along+enough%0ashort',
    'a%22blong%20enoughshort',
    'long enough',
    'long%20enough',
    'long+enough',
  ]);
  // Nothing that is shorter than a secret may be, or it would be found where it means something else.
  expect(toMasks('?#abcdef')).toEqual(['?#abcdef', '%3F%23abcdef', '%3f%23abcdef', '%23abcdef']);
});

/** How programs of other languages write a text, each of them as it came out there. */
const written: readonly (readonly [string, string, string])[] = [
  ['json.dumps of Python', 'Größe/1 für <alle>', String.raw`Gr\u00f6\u00dfe/1 f\u00fcr <alle>`],
  ['json_encode of PHP', 'Größe/1 für <alle>', String.raw`Gr\u00f6\u00dfe\/1 f\u00fcr <alle>`],
  ['JSON of Go', 'a<b>&"c/d"', String.raw`a\u003cb\u003e\u0026\"c/d\"`],
  ['JSON of .NET', 'für alle/n', String.raw`f\u00FCr alle/n`],
  ['a character of two halves', 'key 😀 of it', String.raw`key \ud83d\ude00 of it`],
  ['a form', 'two words/é&x', 'two+words%2F%C3%A9%26x'],
  ['a URL in lower case', 'two words/é&x', 'two%20words%2f%c3%a9%26x'],
  ['quote of Python', 'two words/é&x', 'two%20words/%C3%A9%26x'],
  ['RFC 3986', "it's (mine)!*", 'it%27s%20%28mine%29%21%2A'],
  ['the first of several lines', 'first/"line" ü\nsecond', 'first/"line" ü'],
  ['the first of several lines, in JSON', 'first/"line" ü\nsecond', String.raw`first\/\"line\" \u00fc`],
  ['the first of several lines, in a URL', 'first/"line" ü\nsecond', 'first%2f%22line%22%20%c3%bc'],
];

it.each(written)('a value is hidden as %s writes it', (_name, value, text) => {
  expect(createMask(toMasks(value))(`KEY=${text};`)).toBe(`KEY=${'*'.repeat(Buffer.byteLength(text))};`);
});
