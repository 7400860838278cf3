import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { findQuoteProblem, splitWords } from './quoted-words.ts';

const withoutNul = fc.string({ unit: 'binary' }).map((text) => text.replaceAll('\0', ''));

/** Any word in the dialect of the contract: `"…"`, with a backslash before `"` and `\`. */
function quoteDouble(word: string): string {
  return `"${word.replaceAll(/["\\]/g, (character) => `\\${character}`)}"`;
}

/** The same with `'…'`, which knows no escape, so a `'` stands in double quotes of its own. */
function quoteSingle(word: string): string {
  return word
    .split("'")
    .map((part) => `'${part}'`)
    .join(`"'"`);
}

describe('splitting a value', () => {
  it.each<[(word: string) => string]>([[quoteDouble], [quoteSingle]])(
    'gives back any words that %o quoted',
    (quote) => {
      fc.assert(
        fc.property(fc.array(withoutNul), fc.constantFrom(' ', '\t', ' \n ', '  '), (words, gap) => {
          const value = words.map(quote).join(gap);
          expect(findQuoteProblem(value)).toBeNull();
          expect(splitWords(value)).toEqual(words);
        }),
      );
    },
  );

  it.each([
    ['', []],
    ['  \t ', []],
    ['a', ['a']],
    [' a  b ', ['a', 'b']],
    [`a'b c'd`, ['ab cd']],
    [`''`, ['']],
    [`"" ''`, ['', '']],
    [`x""`, ['x']],
    [`"a'b" 'c"d'`, [`a'b`, 'c"d']],
    ['"a\\"b"', ['a"b']],
    ['"a\\\\"', ['a\\']],
    ['"a\\n"', ['a\\n']],
    [`'a\\'`, ['a\\']],
    ['a\\ b', ['a\\', 'b']],
    ['Screenshot\u202f9.png a\u00a0b \ufeffc', ['Screenshot\u202f9.png', 'a\u00a0b', '\ufeffc']],
    ['$HOME `id` $(id) ; * ~', ['$HOME', '`id`', '$(id)', ';', '*', '~']],
  ])('makes of %j the words %j', (value, words) => {
    expect(splitWords(value)).toEqual(words);
  });

  it.each([
    [`it's`, `'`],
    ['"open', '"'],
    ['"ends with an escape\\"', '"'],
    [`"a" 'b`, `'`],
  ])('finds the quotation mark that stays open in %j', (value, mark) => {
    expect(findQuoteProblem(value)).toContain(`(${mark})`);
  });
});

const python = spawnSync('python3', ['-c', 'import shlex']).status === 0;

describe.runIf(python)('compared with shlex of Python', () => {
  it('splits every value without backslashes as it does, and finds the same ones open', () => {
    const character = fc.constantFrom(
      'a',
      'é',
      '漢',
      '#',
      ' ',
      '\t',
      '\n',
      '\r',
      `'`,
      '"',
      ';',
      '\u00a0',
      '\v',
    );
    const values = fc.sample(fc.string({ unit: character, maxLength: 12 }), 2_000);
    const program = [
      'import json, shlex, sys',
      'def split(text):',
      '    try: return shlex.split(text)',
      '    except ValueError: return None',
      'print(json.dumps([split(text) for text in json.load(sys.stdin)]))',
    ].join('\n');
    const said = spawnSync('python3', ['-c', program], { input: JSON.stringify(values), encoding: 'utf8' });
    const expected = JSON.parse(said.stdout) as (string[] | null)[];
    const ours = values.map((value) => (findQuoteProblem(value) === null ? splitWords(value) : null));
    expect(ours.map((words, index) => [values[index], words])).toEqual(
      expected.map((words, index) => [values[index], words]),
    );
    expect(expected.some((words) => words === null)).toBe(true);
    expect(expected.some((words) => (words?.length ?? 0) > 2)).toBe(true);
  });
});
