import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createStreamMask } from './stream-mask.ts';

/** What is shown of pieces, with what was shown after each. */
function show(texts: readonly string[], pieces: readonly string[]): { all: string; steps: string[] } {
  const mask = createStreamMask(texts);
  const steps = pieces.map((piece) => Buffer.from(mask.push(Buffer.from(piece))).toString('latin1'));
  const rest = Buffer.from(mask.end()).toString('latin1');
  return { all: steps.join('') + rest, steps };
}

describe('a masked stream', () => {
  it('shows as many stars as the text has bytes, in UTF-8', () => {
    expect(show(['gehäim12'], ['a gehäim12 b']).all).toBe('a ********* b');
  });

  it('masks a text that comes in pieces, and shows nothing of it meanwhile', () => {
    const { all, steps } = show(['password'], ['my pass', 'wor', 'd!']);
    expect(steps).toEqual(['my ', '', '********!']);
    expect(all).toBe('my ********!');
  });

  it('shows what only began like it, as soon as that is known, or at the end', () => {
    expect(show(['password'], ['my pass', 'age']).steps).toEqual(['my ', 'passage']);
    expect(show(['password'], ['my pass']).all).toBe('my pass');
  });

  it('masks occurrences that overlap', () => {
    expect(show(['abcdabcd'], ['abcdabcd', 'abcd', '.']).all).toBe('************.');
  });

  it('masks several texts, one of which begins like the other', () => {
    expect(show(['secret-1', 'secret-12345'], ['secret-123', 'x secret-1234', '5']).all).toBe(
      '********23x ************',
    );
  });

  it('shows the same, however the stream is cut, and its length never changes', () => {
    const letters = fc.string({ unit: fc.constantFrom('a', 'b', 'ä', '\n'), maxLength: 40 });
    const secrets = fc.array(
      fc.string({ unit: fc.constantFrom('a', 'b', 'ä'), minLength: 2, maxLength: 6 }),
      {
        minLength: 1,
        maxLength: 3,
      },
    );
    fc.assert(
      fc.property(letters, secrets, fc.array(fc.nat(60), { maxLength: 5 }), (text, texts, cuts) => {
        const bytes = Buffer.from(text);
        const places = [
          0,
          ...cuts.map((cut) => Math.min(cut, bytes.length)).sort((a, b) => a - b),
          bytes.length,
        ];
        const mask = createStreamMask(texts);
        const parts = places
          .slice(1)
          .map((to, index) => Buffer.from(mask.push(bytes.subarray(places[index], to))));
        const cut = Buffer.concat([...parts, mask.end()]);
        const whole = createStreamMask(texts);
        const shown = Buffer.concat([whole.push(bytes), whole.end()]);
        expect(cut.equals(shown)).toBe(true);
        expect(cut.length).toBe(bytes.length);
        for (const secret of texts) expect(cut.includes(secret)).toBe(false);
      }),
      { numRuns: 500 },
    );
  });
});
