import { describe, expect, it } from 'vitest';
import { mostCharacters, toLineText, toPlainLine } from './line-spans.ts';

function shown(line: string, find = '', ignoresCase = false): string {
  const { spans } = toLineText(line, { find, ignoresCase, isWhole: false, style: null });
  return spans.map(({ text, isMatch }) => (isMatch ? `<${text}>` : text)).join('|');
}

describe('a line', () => {
  it.each([
    ['one two one', 'one', false, '<one>| two |<one>'],
    ['aaa', 'aa', false, '<aa>|a'],
    ['One', 'one', false, 'One'],
    ['One', 'oNE', true, '<One>'],
    ['all', 'all', false, '<all>'],
    ['none', 'x', false, 'none'],
    ['a.b', '.', false, 'a|<.>|b'],
    ['\u001B[31mre\u001B[0md!', 'red', false, '<re>|<d>|!'],
    ['', 'x', false, ''],
  ])('%j marks %j', (line, find, ignoresCase, expected) => {
    expect(shown(line, find, ignoresCase)).toBe(expected);
  });

  it('is plain what one sees of it in the end', () => {
    expect(toPlainLine('copy 10%\rcopy 55%\r\u001B[2K\u001B[32mcopy done\u001B[0m\r')).toBe('copy done');
  });

  it('that is a progress bar shows its last form, whole, however much it printed', () => {
    const bar = (steps: number): string =>
      Array.from(
        { length: steps },
        (_, step) => `\rdownloading ${String(step).padStart(5)} of ${steps}`,
      ).join('');
    for (const steps of [101, 20_000]) {
      const { spans, hidden } = toLineText(bar(steps), {
        find: '',
        ignoresCase: false,
        isWhole: false,
        style: null,
      });
      expect([spans.map(({ text }) => text).join(''), hidden]).toEqual([
        `downloading ${String(steps - 1).padStart(5)} of ${steps}`,
        0,
      ]);
    }
  });

  it('that is very long is cut until somebody wants all of it', () => {
    const line = 'x'.repeat(1_000_000);
    const cut = toLineText(line, { find: '', ignoresCase: false, isWhole: false, style: null });
    expect([cut.spans[0]?.text.length, cut.hidden]).toEqual([mostCharacters, 1_000_000 - mostCharacters]);
    const whole = toLineText(line, { find: '', ignoresCase: false, isWhole: true, style: null });
    expect([whole.spans[0]?.text.length, whole.hidden]).toEqual([1_000_000, 0]);
  });
});
