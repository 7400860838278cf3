import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  argumentFacetOf,
  argumentsOf,
  facetOf,
  maxWordLength,
  wordsOf,
  type SearchedRecord,
} from './words.ts';

const record: SearchedRecord = { kind: 'script', name: 'a.sh', owner: 'ana', tags: [], needs: [] };

function keywordsOf(change: Partial<SearchedRecord>): string[] {
  return wordsOf({ ...record, ...change }).filter((word) => !word.startsWith('\u0001'));
}

describe('the words of a job', () => {
  it.each<[string, Partial<SearchedRecord>, string[]]>([
    [
      'the name whole, and split at `_` and its last dot',
      { name: 'i_main_Deck_01.v2.dyn' },
      ['i_main_deck_01.v2.dyn', 'i', 'main', 'deck', '01.v2', 'dyn'],
    ],
    ['user and project', { owner: 'Doe A', project: '3001234v01' }, ['doe a', 'doe', 'a', '3001234v01']],
    [
      'folders whole, and split at `_`',
      { input: { folder: '/mnt/work/some_directory' } },
      ['/mnt/work/some_directory', 'mnt', 'work', 'some_directory', 'some', 'directory'],
    ],
    [
      'words of notes without the punctuation around them',
      { info: '(Base run), see "x.y"!', summary: '**Crash** at 10\u00a0ms' },
      ['base', 'run', 'see', 'x.y', 'crash', 'at', '10', 'ms'],
    ],
    [
      'what an end said',
      { message: 'Out of memory.', verdict: 'normal termination' },
      ['memory', 'normal termination'],
    ],
    [
      'tags, labels and queue',
      { tags: ['Night Run'], needs: ['gpu:2'], queue: 'big' },
      ['night run', 'run', 'gpu:2', 'big'],
    ],
  ])('have %s', (_title, change, expected) => {
    expect(keywordsOf(change)).toEqual(expect.arrayContaining(expected));
  });

  it('have nothing of the environment and of the standard input', () => {
    const words = wordsOf({ ...record, input: { env: { KEY: 'hidden' }, stdin: 'unseen', script: 'b.sh' } });
    expect(words.join(' ')).not.toMatch(/hidden|unseen/);
    expect(words).toContain('b.sh');
  });

  it('are lexemes that PostgreSQL takes, whatever the record holds', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.anything(), (text, input) => {
        for (const word of wordsOf({ ...record, name: text, info: text, tags: [text], input })) {
          expect(word).not.toBe('');
          expect(word).not.toContain('\0');
          expect(word.length).toBeLessThanOrEqual(2 * maxWordLength + 10);
          expect(word.isWellFormed()).toBe(true);
        }
      }),
    );
  });

  it('keep facets apart from keywords', () => {
    expect(wordsOf(record)).toContain(facetOf('kind', 'Script'));
    expect(keywordsOf({ name: '\u0001kind:url' })).not.toContain(facetOf('kind', 'url'));
  });
});

describe('the members of an input', () => {
  it.each([
    [
      { case: 'A3', n: 5, deep: { er: true } },
      [
        ['case', 'A3'],
        ['n', '5'],
        ['deep.er', 'true'],
      ],
    ],
    [
      { list: ['a', { b: 'c' }] },
      [
        ['list', 'a'],
        ['list.b', 'c'],
      ],
    ],
    [
      {
        arguments: [
          ['--case', 'A3'],
          ['-p', ''],
          ['', 'file.txt'],
          ['--mode=fast', ''],
        ],
      },
      [
        ['case', 'A3'],
        ['p', ''],
        ['', 'file.txt'],
        ['mode', 'fast'],
      ],
    ],
  ])('of %j are %j', (input, expected) => {
    expect(argumentsOf(input)).toEqual(expected);
  });

  it('stand in the words, case ignored', () => {
    expect(wordsOf({ ...record, input: { case: 'A3' } })).toContain(argumentFacetOf('Case', 'a3'));
  });
});
