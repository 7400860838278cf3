import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FilterError, type Filter, type Term } from './filter.ts';
import { filterKeys, keyNames } from './keys.ts';
import { resolveMoments } from './moments.ts';
import { parseFilter } from './parse.ts';
import { printFilter } from './print.ts';

const word = (text: string, change: Partial<Term> = {}): Term =>
  ({ type: 'word', isNot: false, text, isExact: false, ...change }) as Term;

describe('a filter', () => {
  it.each<[string, Term[]]>([
    ['', []],
    [' crash \t wing* ', [word('crash'), word('wing')]],
    ['"two words"', [word('two words', { isExact: true })]],
    ['-old -"two words"*', [word('old', { isNot: true }), word('two words', { isNot: true })]],
    [String.raw`"a \"b\" \\ c"`, [word(String.raw`a "b" \ c`, { isExact: true })]],
    [`it's a"b`, [word("it's"), word('a"b')]],
  ])('of words: %s', (text, terms) => {
    expect(parseFilter(text).terms).toEqual(terms);
  });

  it.each([
    ['State:failed,LIVE', 'state:failed,live'],
    ['-user:ana', '-owner:ana'],
    ['assessment:nok', 'assessment:"not ok"'],
    ['name:"a, b",c*', 'name:"a, b",c*'],
    ['name:"a b"*', 'name:"a b"*'],
    ['name:"a*"', 'name:"a*"'],
    ['project:*', 'project:*'],
    ['lane:licence:ansys', 'lane:licence:ansys'],
    ['args.case:A3', 'args.case:A3'],
    ['args.case:">1"', 'args.case:">1"'],
    ['args.case:a..b', 'args.case:a..b'],
    ['args.deep.er:"x y"', 'args.deep.er:"x y"'],
    ['id:5', 'id:5'],
    ['id:100..200', 'id:100..200'],
    ['id:100..', 'id:>=100'],
    ['exit:<=-1', 'exit:<=-1'],
    ['wall:>90', 'wall:>1m30s'],
    ['wall:10min..1.5h', 'wall:10m..1h30m'],
    ['wait:<500ms', 'wait:<500ms'],
    ['submitted:2026-11-01..2026-11-20', 'submitted:2026-11-01..2026-11-20'],
    ['submitted:-2w', 'submitted:>=-2w'],
    ['submitted:>-7d', 'submitted:>-7d'],
    ['submitted:yesterday..today', 'submitted:yesterday..today'],
    ['ended:>=2026-11-01t10:00z', 'ended:>=2026-11-01T10:00Z'],
    ['started:-30m', 'started:>=-30min'],
    ['has:result -is:late show:obsolete', 'has:result -is:late show:obsolete'],
  ])('%s is written as %s', (text, canonical) => {
    expect(printFilter(parseFilter(text))).toBe(canonical);
    expect(printFilter(parseFilter(canonical))).toBe(canonical);
  });

  it.each<[string, number, RegExp]>([
    ['a "b', 2, /not closed/],
    ['stat:failed', 0, /no key "stat"; did you mean state, as in state:failed,cancelled/],
    ['a -onwer:ana', 3, /did you mean owner/],
    ['http://x', 0, /quotation marks/],
    ['state:runing', 6, /did you mean running.*state:failed/],
    ['state:', 6, /no value/],
    ['state:failed,', 13, /no value/],
    ['id:ten', 3, /no number.*id:100\.\.200/],
    ['id:1..x', 3, /no number/],
    ['wall:10m', 5, /comparison.*wall:>10m/],
    ['wall:>10parsec', 5, /comparison/],
    ['submitted:2026-02-30', 10, /no date/],
    ['submitted:..', 10, /no date/],
    ['args:x', 0, /args\.case:A3/],
    ['args.day:2026-01-01..2026-02-01', 9, /"2026-01-01..2026-02-01" compares, and args is text/],
    ['args.size:1e-3..5mm', 10, /"1e-3..5mm" compares, and args is text/],
    ['args.mesh:>1', 10, /">1" compares, and args is text/],
    ['args.mesh:1..5', 10, /"1\.\.5" compares/],
    ['tag:<=7', 4, /"<=7" compares, and tag is text/],
    ['owner.x:y', 0, /no members/],
    ['name:"a"b', 8, /closing/],
    ['"a"b', 3, /closing/],
    ['-', 1, /-state:failed/],
    ['--case', 1, /quotation marks/],
    ['""', 0, /expected a word/],
    ['*', 0, /expected a word/],
    ['a\0', 1, /control/],
    ['x'.repeat(201), 0, /200 characters/],
    ['x '.repeat(101), 200, /100 terms/],
    ['x'.repeat(4_001), 4_000, /4000 characters/],
  ])('%s is refused at %i', (text, position, message) => {
    const error = refusal(text);
    expect(error.position).toBe(position);
    expect(error.reason).toMatch(message);
    expect(error.details).toEqual([{ field: 'q', message: expect.stringMatching(message) }]);
  });

  it('reads the example of every key', () => {
    for (const { example } of Object.values(filterKeys))
      expect(printFilter(parseFilter(example))).toBe(example);
  });
});

function refusal(text: string): FilterError {
  try {
    parseFilter(text);
  } catch (error) {
    if (error instanceof FilterError) return error;
    throw error;
  }
  throw new Error(`${text} was taken`);
}

const plainText = fc
  .string({ unit: 'grapheme', minLength: 1, maxLength: 20 })
  .filter((text) => text.isWellFormed() && text.trim() !== '');
// oxlint-disable-next-line no-control-regex -- what the language refuses
const storable = plainText.filter((text) => !/[\0-\x08\x0e-\x1f\x7f]/.test(text));
const aText = fc.record({ type: fc.constant('text' as const), text: storable, isExact: fc.boolean() });
const bounds = <T>(at: fc.Arbitrary<T>) => {
  const bound = fc.record({ at, isIncluded: fc.boolean() });
  const included = fc.record({ at, isIncluded: fc.constant(true) });
  return fc.oneof(
    fc.record({ from: bound, to: fc.constant(null) }),
    fc.record({ from: fc.constant(null), to: bound }),
    fc.record({ from: included, to: included }),
  );
};
const moment = fc.oneof(
  fc.constantFrom(
    'today',
    'yesterday',
    'now',
    '2026',
    '2026-11',
    '2024-02-29',
    '2026-11-01T10:00',
    '2026-11-01T10:00:07.5+02:00',
  ),
  fc.tuple(fc.nat(9_999), fc.constantFrom('min', 'h', 'd', 'w')).map(([count, unit]) => `-${count}${unit}`),
);
const numberRange = bounds(fc.integer());
const durationRange = bounds(fc.nat(1e9)).filter(({ from, to }) => from?.at !== to?.at);

const value = (key: keyof typeof filterKeys): fc.Arbitrary<object> => {
  const { type, ...details } = filterKeys[key];
  const any = fc.constant({ type: 'any' });
  switch (type) {
    case 'text':
      return fc.oneof(any, aText);
    case 'choice': {
      const choices = ('choices' in details ? details.choices : []).filter((choice) => choice !== 'nok');
      return fc.oneof(any, fc.record({ type: fc.constant(type), choice: fc.constantFrom(...choices) }));
    }
    case 'number':
      return fc.oneof(any, fc.record({ type: fc.constant(type), range: numberRange }));
    case 'duration':
      return fc.oneof(any, fc.record({ type: fc.constant(type), range: durationRange }));
    case 'moment':
      return fc.oneof(any, fc.record({ type: fc.constant(type), range: bounds(moment) }));
  }
};

const wordTerm = fc.record({
  type: fc.constant('word'),
  isNot: fc.boolean(),
  text: storable,
  isExact: fc.boolean(),
});
const keyTerm = fc.constantFrom(...keyNames).chain((key) =>
  fc.record({
    type: fc.constant('key'),
    isNot: fc.boolean(),
    key: fc.constant(key),
    ...(key === 'args' ? { path: fc.stringMatching(/^[A-Za-z0-9._-]{1,10}$/) } : {}),
    values: fc.array(value(key), { minLength: 1, maxLength: 3 }),
  }),
);
const filter = fc.record({
  terms: fc.array(fc.oneof(wordTerm, keyTerm), { maxLength: 5 }),
}) as unknown as fc.Arbitrary<Filter>;

describe('any filter', () => {
  it('is read from its text as it was', () => {
    fc.assert(
      fc.property(filter, (given) => {
        expect(parseFilter(printFilter(given))).toEqual(given);
      }),
      {
        numRuns: 2_000,
      },
    );
  });

  const piece = fc.oneof(
    fc.constantFrom(
      '"',
      '-',
      ':',
      ',',
      '*',
      '..',
      '>',
      '\\',
      ' ',
      ...keyNames,
      'failed',
      '10m',
      'today',
      '2026-11',
    ),
    fc.string({ unit: 'binary', maxLength: 3 }),
  );
  const text = fc.oneof(
    fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join('')),
    fc.string({ unit: 'binary' }),
  );

  it('is refused by a FilterError or written in a form that stays', () => {
    fc.assert(
      fc.property(text, (given) => {
        let first: Filter;
        try {
          first = parseFilter(given);
        } catch (error) {
          expect(error).toBeInstanceOf(FilterError);
          expect((error as FilterError).position).toBeLessThanOrEqual(given.length);
          return;
        }
        const written = printFilter(first);
        expect(parseFilter(written)).toEqual(first);
        expect(printFilter(parseFilter(written))).toBe(written);
      }),
      { numRuns: 5_000 },
    );
  });
});

describe('moments', () => {
  const now = new Date('2026-03-29T10:15:00Z');
  const span = (text: string, timezone = 'Europe/Berlin'): (string | null)[] => {
    const [term] = parseFilter(`submitted:${text}`).terms;
    const [first] = term?.type === 'key' ? term.values : [];
    if (first?.type !== 'moment') throw new Error('no moment');
    const { fromMs, untilMs } = resolveMoments(first.range, { now, timezone });
    return [fromMs, untilMs].map((ms) => (ms === null ? null : new Date(ms).toISOString().slice(0, 16)));
  };

  it.each([
    // The clocks went forward that night: a day of 23 hours.
    ['today', ['2026-03-28T23:00', '2026-03-29T22:00']],
    ['yesterday', ['2026-03-27T23:00', '2026-03-28T23:00']],
    ['2026-03', ['2026-02-28T23:00', '2026-03-31T22:00']],
    ['2026', ['2025-12-31T23:00', '2026-12-31T23:00']],
    ['2026-03-01..2026-03-02', ['2026-02-28T23:00', '2026-03-02T23:00']],
    ['>2026-03-01', ['2026-03-01T23:00', null]],
    ['<=2026-03-01', [null, '2026-03-01T23:00']],
    ['<2026-03-01', [null, '2026-02-28T23:00']],
    ['2026-03-01T10:00', ['2026-03-01T09:00', '2026-03-01T09:01']],
    ['2026-03-01T10:00-05:00', ['2026-03-01T15:00', '2026-03-01T15:01']],
    ['-2h', ['2026-03-29T08:15', null]],
    ['-1w..-1d', ['2026-03-22T10:15', '2026-03-28T10:15']],
    ['0001-01-01', ['0000-12-31T23:06', '0001-01-01T23:06']],
  ])('%s spans %j', (text, expected) => {
    expect(span(text)).toEqual(expected);
  });

  it('depend on the zone', () => {
    expect(span('today', 'Pacific/Auckland')).toEqual(['2026-03-28T11:00', '2026-03-29T11:00']);
  });
});
