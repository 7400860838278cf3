import { describe, expect, it } from 'vitest';
import { readCommand } from './shell-command.ts';

const inSh = { isBash: false };

describe('a command of a crontab', () => {
  it.each([
    ['args.sh /srv # nightly run', { program: 'args.sh', rest: '/srv' }],
    ['args.sh "#notcomment" x#y', { program: 'args.sh', rest: '"#notcomment" x#y' }],
    ["args.sh 'it''s' \"two words\" ''", { program: 'args.sh', rest: `'it''s' "two words" ''` }],
    ['FOO=1 BAR="a b" args.sh x', { env: { FOO: '1', BAR: 'a b' }, program: 'args.sh', rest: 'x' }],
    ['args.sh a=b', { program: 'args.sh', rest: 'a=b' }],
    ['"args.sh" q', { program: 'args.sh', rest: 'q' }],
    ['args.sh "it\'s *"', { program: 'args.sh', rest: '"it\'s *"' }],
    ['args.sh {a,b} !x', { program: 'args.sh', rest: '{a,b} !x' }],
    ['args.sh a~b', { program: 'args.sh', rest: 'a~b' }],
  ])('is read without a shell: %s', (text, expected) => {
    expect(readCommand(text, inSh)).toEqual({ env: {}, ...expected });
  });

  it.each([
    'cd /srv && args.sh',
    'args.sh $(date)',
    'args.sh "$HOME"',
    'args.sh ~/x',
    'HOME=~ args.sh',
    'args.sh >/dev/null',
    'args.sh *.txt',
    String.raw`args.sh a\ b`,
    '. /etc/profile; args.sh',
  ])('needs one: %s', (text) => {
    expect(readCommand(text, inSh)).toEqual({ problem: expect.stringContaining('needs a shell') });
  });

  it.each(['args.sh {a,b}', 'args.sh !x'])('needs bash where bash reads it: %s', (text) => {
    expect(readCommand(text, { isBash: true })).toHaveProperty('problem');
    expect(readCommand(text, inSh)).toHaveProperty('program');
  });

  it.each([
    ['args.sh "open', 'is opened and not closed'],
    ['# nothing else', 'names no program'],
    ['FOO=1', 'names no program'],
  ])('says what is wrong with %s', (text, problem) => {
    expect(readCommand(text, inSh)).toEqual({ problem: expect.stringContaining(problem) });
  });
});
