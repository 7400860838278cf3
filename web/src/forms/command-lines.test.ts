import { expect, it } from 'vitest';
import { quoteWord, toCommandLine, toCurl } from './command-lines.ts';

it.each([
  ['plain-1.0', 'plain-1.0'],
  ['', "''"],
  ['two words', "'two words'"],
  ["it's $HOME", "'it'\\''s $HOME'"],
])('quotes %j as %s', (text, word) => {
  expect(quoteWord(text)).toBe(word);
});

it('writes the call', () => {
  expect(toCurl('http://x:1', { kind: 'script' })).toContain(`-d '{"kind":"script"}'`);
});

it('writes the line, options before the script', () => {
  const body = {
    kind: 'script',
    input: { script: 'a.sh', arguments: [['--month', '3 "two words"']] },
    queue: 'night',
    tags: ['x', 'y z'],
    retry: { attempts: 3, factor: 4 },
    env: { LEVEL: '9', KEY: { secret: 'vault' } },
    limits: { memoryBytes: 1048576 },
    info: 'why',
  };
  expect(toCommandLine(body)).toEqual({
    line: `daybook submit --queue night --tag x --tag 'y z' --retries 2 --env LEVEL=9 --secret KEY=vault --memory 1048576 a.sh --month 3 'two words'`,
    left: ['retry.factor', 'info'],
  });
});

it('gives the input of another kind as JSON', () => {
  expect(toCommandLine({ kind: 'url', input: { url: 'http://x' } }).line).toBe(
    `daybook submit --kind url --input '{"url":"http://x"}'`,
  );
});
