import { expect, it } from 'vitest';
import { NamesFirst } from './names-first.ts';

function parse(words: readonly string[], isStrict = true): { args: string[]; options: object } {
  const command = new NamesFirst('add', { names: 2, isStrict })
    .arguments('<name> <rule> [script] [args...]')
    .option('-n, --dry-run')
    .option('--zone <zone>')
    .exitOverride()
    .configureOutput({ writeOut: () => {}, writeErr: () => {} });
  command.parse(words, { from: 'user' });
  return { args: command.args, options: command.opts() };
}

it.each([
  ['before its names', ['--zone', 'UTC', 'a', 'r', 's.sh', '--zone', 'x']],
  ['between them', ['a', '--zone', 'UTC', 'r', 's.sh', '--zone', 'x']],
  ['behind them', ['a', 'r', '--zone', 'UTC', 's.sh', '--zone', 'x']],
  ['with its value', ['a', 'r', '--zone=UTC', 's.sh', '--zone', 'x']],
  ['before a --', ['a', 'r', '--zone', 'UTC', '--', 's.sh', '--zone', 'x']],
])('an option is ours %s, and the program’s behind the program', (_where, words) => {
  expect(parse(words)).toEqual({ args: ['a', 'r', 's.sh', '--zone', 'x'], options: { zone: 'UTC' } });
});

it('an option that nobody knows is a mistake, or the first word of the program', () => {
  const words = ['a', 'r', '-n', '--month', '4', '-n'];
  expect(() => parse(words)).toThrow("unknown option '--month'");
  expect(parse(words, false)).toEqual({
    args: ['a', 'r', '--month', '4', '-n'],
    options: { dryRun: true },
  });
});

it('help is asked for behind the names, too', () => {
  expect(() => parse(['a', 'r', '--help'], false)).toThrow('(outputHelp)');
});

it('what is missing is told', () => {
  expect(() => parse(['a', '--zone', 'UTC'])).toThrow("missing required argument 'rule'");
});
