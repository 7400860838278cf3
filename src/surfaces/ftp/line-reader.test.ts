import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LineReader, type ControlLine } from './line-reader.ts';
import { parseLine } from './verbs.ts';

const limits = { longest: 20, most: 100 };

function read(...chunks: (string | number[])[]): ControlLine[] {
  const reader = new LineReader(limits);
  return chunks.flatMap((chunk) =>
    reader.feed(typeof chunk === 'string' ? Buffer.from(chunk, 'latin1') : Buffer.from(chunk)),
  );
}

const line = (text: string): ControlLine => ({ kind: 'line', text });

describe('lines', () => {
  it.each([
    ['CR LF', 'NOOP\r\n', 'NOOP'],
    ['LF alone', 'NOOP\n', 'NOOP'],
    ['a CR within stays', 'DELE a\rb\r\n', 'DELE a\rb'],
    ['a CR that Telnet writes with NUL', 'DELE a\r\0b\r\n', 'DELE a\rb'],
    ['blanks stay', 'DELE  a \r\n', 'DELE  a '],
    ['bytes that are no UTF-8', 'DELE lat\xe9n\r\n', 'DELE lat\xe9n'],
    ['an option of Telnet', '\xff\xfb\x01NOOP\r\n', 'NOOP'],
    ['IAC IP, IAC DM before ABOR', '\xff\xf4\xff\xf2ABOR\r\n', 'ABOR'],
    ['a doubled 255', 'DELE \xff\xff\r\n', 'DELE \xff'],
    ['a 255 that stands for itself', 'DELE \xffa\r\n', 'DELE \xffa'],
    ['a 255 at the end of a line', 'DELE \xff\r\n', 'DELE \xff'],
  ])('%s', (_what, sent, got) => {
    expect(read(sent)).toEqual([line(got)]);
    expect(read(...sent.split(''))).toEqual([line(got)]);
  });

  it('of several in one chunk are told apart, and one that has not ended is not told', () => {
    expect(read('USER a\r\nPASS b\r\nPW')).toEqual([line('USER a'), line('PASS b')]);
  });

  it('that are too long are told once, and the next one counts', () => {
    expect(read(`${'x'.repeat(50)}\r\nNOOP\r\n`)).toEqual([{ kind: 'too-long' }, line('NOOP')]);
    expect(read(`${'x'.repeat(20)}\n`)).toEqual([line('x'.repeat(20))]);
    expect(read(`${'x'.repeat(21)}\n`)).toEqual([{ kind: 'too-long' }]);
  });

  it('without an end are a flood, after which nothing counts', () => {
    expect(read('x'.repeat(1000), '\r\nNOOP\r\n')).toEqual([{ kind: 'flood' }]);
  });

  it('that began before a clear are forgotten', () => {
    const reader = new LineReader(limits);
    reader.feed(Buffer.from('DELE impor'));
    reader.clear();
    expect(reader.feed(Buffer.from('NOOP\r\n'))).toEqual([line('NOOP')]);
  });

  it('are the same however the bytes are cut into chunks', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), fc.nat(59), (bytes, at) => {
        const whole = new LineReader(limits).feed(bytes);
        const reader = new LineReader(limits);
        expect([...reader.feed(bytes.subarray(0, at)), ...reader.feed(bytes.subarray(at))]).toEqual(whole);
      }),
    );
  });
});

describe('a line is a verb and an argument', () => {
  it.each([
    ['noop', 'NOOP', ''],
    ['RETR a b', 'RETR', 'a b'],
    ['RETR  a', 'RETR', ' a'],
    ['LIST ', 'LIST', ''],
    ['', '', ''],
    ['\xf4\xf2abor', 'ABOR', ''],
  ])('%j', (text, verb, argument) => {
    expect(parseLine(text)).toEqual({ verb, argument });
  });
});
