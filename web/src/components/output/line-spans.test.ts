import { describe, expect, it } from 'vitest';
import { mostCharacters, toLineText } from './line-spans.ts';

function shown(line: string, find = '', ignoresCase = false): string {
  const { spans } = toLineText(line, { find, ignoresCase, isWhole: false });
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

  it('that is very long is cut until somebody wants all of it', () => {
    const line = 'x'.repeat(1_000_000);
    const cut = toLineText(line, { find: '', ignoresCase: false, isWhole: false });
    expect([cut.spans[0]?.text.length, cut.hidden]).toEqual([mostCharacters, 1_000_000 - mostCharacters]);
    const whole = toLineText(line, { find: '', ignoresCase: false, isWhole: true });
    expect([whole.spans[0]?.text.length, whole.hidden]).toEqual([1_000_000, 0]);
  });
});
