import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseAnsi, styleAfter, visibleText, type AnsiStyle } from './terminal-line.ts';

const text = (line: string): string =>
  parseAnsi(line)
    .map((span) => span.text)
    .join('');
const style = (codes: string): AnsiStyle | null => parseAnsi(`\u001B[${codes}mx`)[0]?.style ?? null;

describe('a line with colours', () => {
  it('comes in pieces of one style, without the sequences', () => {
    expect(parseAnsi('plain')).toEqual([{ text: 'plain', style: null }]);
    expect(parseAnsi('')).toEqual([]);
    expect(parseAnsi('a \u001B[1;31mb\u001B[0m c')).toEqual([
      { text: 'a ', style: null },
      { text: 'b', style: { isBold: true, color: '#cd0000' } },
      { text: ' c', style: null },
    ]);
  });

  it.each<[string, AnsiStyle | null]>([
    ['', null],
    ['0', null],
    ['32', { color: '#00cd00' }],
    ['94', { color: '#5c5cff' }],
    ['41', { background: '#cd0000' }],
    ['107', { background: '#ffffff' }],
    ['38;5;9', { color: '#ff0000' }],
    ['38;5;196', { color: '#ff0000' }],
    ['48;5;244', { background: '#808080' }],
    ['38;5;999', null],
    ['38;2;1;2;300', { color: '#0102ff' }],
    ['38:2:1:2:3', { color: '#010203' }],
    ['38:2::1:2:3', { color: '#010203' }],
    ['38;5;21;1', { color: '#0000ff', isBold: true }],
    ['2;3;4;9', { isDim: true, isItalic: true, isUnderlined: true, isStruck: true }],
    ['7', { isInverse: true }],
    ['1;4;22', { isUnderlined: true }],
    ['31;44;39', { background: '#0000ee' }],
    ['38', null],
    ['12345', null],
  ])('%s is %o', (codes, expected) => {
    expect(style(codes)).toEqual(expected);
  });

  it('keeps nothing of other sequences', () => {
    expect(text('\u001B]0;a title\u0007b')).toBe('b');
    expect(text('\u001B]8;;https://example.org\u001B\\link\u001B]8;;\u001B\\')).toBe('link');
    expect(text('\u001B[2J\u001B[?25la\u001B(Bb\u001BMc\u0000\u0007')).toBe('abc');
    expect(text('cut \u001B[3')).toBe('cut ');
    expect(text('cut \u001B]0;for ever')).toBe('cut ');
    expect(text('cut \u001B')).toBe('cut ');
  });
});

describe('a line that is written over', () => {
  it.each([
    ['windows\r', 'windows'],
    ['10 %\r20 %\r100 %', '100 %'],
    ['longer\rab', 'abnger'],
    ['longer\r\u001B[Kab', 'ab'],
    ['longer\u001B[2K\rab', 'ab    '],
    ['ab\u001B[1Kc', '  c'],
    ['abc\b\bX', 'aXc'],
    ['\b\ba', 'a'],
    ['a\tb', 'a\tb'],
    ['äöü\rÄ', 'Äöü'],
    ['\u001B[2K\u001B[1Gstep 1\u001B[2K\u001B[1Gstep 2', 'step 2'],
    ['abcdef\u001B[3GX', 'abXdef'],
    ['abcdef\u001B[GX', 'Xbcdef'],
    ['abcdef\u001B[2`X', 'aXcdef'],
    ['a\u001B[5Cb', 'a     b'],
    ['a\u001B[2ab', 'a  b'],
    ['abc\u001B[2DX', 'aXc'],
    ['abc\u001B[99DX', 'Xbc'],
    ['up one\u001B[1A\rUPPED\u001B[1B', 'UPPEDe'],
  ])('%j shows %j', (line, shown) => {
    expect(text(line)).toBe(shown);
  });

  it('is not made longer than a terminal could be by a number in a sequence', () => {
    expect(text('\u001B[999999999Cx').length).toBeLessThan(2_000);
  });

  it('takes the style of what was written last', () => {
    expect(parseAnsi('\u001B[31mred\r\u001B[0mX')).toEqual([
      { text: 'X', style: null },
      { text: 'ed', style: { color: '#cd0000' } },
    ]);
  });
});

describe('a colour that was left switched on', () => {
  it('goes on in the next line, until it is switched off', () => {
    const red = styleAfter('\u001B[31mone', null);
    expect(parseAnsi('two\u001B[0m three', red)).toEqual([
      { text: 'two', style: { color: '#cd0000' } },
      { text: ' three', style: null },
    ]);
    expect(styleAfter('two\u001B[0m', red)).toBeNull();
    expect(styleAfter('plain', red)).toEqual({ color: '#cd0000' });
  });
});

describe('what people see', () => {
  it.each([
    [
      '\u001B[1mmain.c:3:5: \u001B[31merror: \u001B[m\u001B[Kmissing semicolon',
      'main.c:3:5: error: missing semicolon',
    ],
    ['10 %\r100 %', '100 %'],
    ['windows\r', 'windows\r'],
    ['plain', 'plain'],
  ])('of %j is %j', (line, seen) => {
    expect(visibleText(line)).toBe(seen);
  });
});

it('never shows a control character, whatever a program prints', () => {
  const piece = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.constantFrom('\u001B[', '\u001B]', '\r', '\b', '31', 'm', 'K'),
  );
  fc.assert(
    fc.property(fc.array(piece), (pieces) => {
      expect(text(pieces.join(''))).not.toMatch(/[^\P{Cc}\t]/u);
    }),
  );
});
