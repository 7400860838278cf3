import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { findQuoteProblem } from '../../contract/quoted-words.ts';
import { toArgumentPairs, toArgv } from './contract.ts';

const difficult = fc.array(
  fc.constantFrom('-', '--', ' ', '\t', '\n', "'", '"', '\\', '$', 'é', '🙂', ' ', 'a'),
);
const word = fc.oneof(
  fc.string({ unit: 'binary' }).map((text) => text.replaceAll('\0', '')),
  difficult.map((characters) => characters.join('')),
);

describe('the argument vector', () => {
  it('gives each option that is not empty and the words of its value, in order', () => {
    const pairs = [
      ['--source', 'a b'],
      ['-p', ''],
      ['', '"c d"'],
      ['with space', ''],
      ['', ''],
      ['', `''`],
    ] as const;
    expect(toArgv(pairs)).toEqual(['--source', 'a', 'b', '-p', 'c d', 'with space', '']);
  });
});

describe('toArgumentPairs', () => {
  it('the server makes exactly the same argument vector of any arguments', () => {
    fc.assert(
      fc.property(fc.array(word, { maxLength: 20 }), (args) => {
        const pairs = toArgumentPairs(args);
        expect(toArgv(pairs)).toEqual(args);
        expect(pairs.map(([, value]) => findQuoteProblem(value))).toEqual(pairs.map(() => null));
      }),
      { numRuns: 2_000 },
    );
  });

  it('an option is paired with the value behind it', () => {
    expect(toArgumentPairs(['-p', '--source', 'a b', 'file.txt'])).toEqual([
      ['-p', ''],
      ['--source', "'a b'"],
      ['', 'file.txt'],
    ]);
  });

  it('more arguments than the server takes pairs are packed and come out the same', () => {
    const args = Array.from({ length: 5_000 }, (_, index) =>
      index % 3 === 0 ? `it's ${index}` : `-${index}`,
    );
    const pairs = toArgumentPairs(args);
    expect(pairs.length).toBeLessThanOrEqual(1_000);
    expect(toArgv(pairs)).toEqual(args);
  });

  it('a very long option goes as a value, and values stay within the limit', () => {
    const args = [`-${'x'.repeat(20_000)}`, ...Array.from({ length: 3_000 }, () => 'y'.repeat(200))];
    const pairs = toArgumentPairs(args);
    expect(toArgv(pairs)).toEqual(args);
    expect(Math.max(...pairs.map(([option]) => option.length))).toBeLessThanOrEqual(10_000);
    expect(Math.max(...pairs.map(([, value]) => value.length))).toBeLessThanOrEqual(100_000);
  });
});
