import type { CommandForm } from '../../contract/command-form.ts';
import { quoteWord, splitWords } from '../../contract/quoted-words.ts';

/** The script and its arguments. */
export const scriptCommand: CommandForm = {
  missing: 'Which script? For example: daybook submit report.sh',
  toInput: ([script, ...args]) => ({ script, arguments: toArgumentPairs(args) }),
  toWords: ({ script, arguments: pairs = [] }) => {
    if (typeof script !== 'string' || script === '' || script.startsWith('-')) return null;
    return Array.isArray(pairs) ? [script, ...toArgv(pairs as ArgumentPair[])] : null;
  },
  toEdit: (args) => ({ arguments: toArgumentPairs(args) }),
};

/** One option with its value, as `{"--source": "a b"}` says it. Either may be empty. */
export type ArgumentPair = readonly [option: string, value: string];

/**
 * The argument vector of contract A: in order, each pair gives its option (when not empty) and the words of its value
 * (when not empty).
 */
export function toArgv(pairs: readonly ArgumentPair[]): string[] {
  return pairs.flatMap(([option, value]) => [...(option === '' ? [] : [option]), ...splitWords(value)]);
}

/**
 * The other direction of contract A's splitting: pairs of option and value from which the server makes exactly this
 * argument vector. What looks like an option is paired with the value after it, as people write such pairs.
 */
export function toArgumentPairs(args: readonly string[]): [option: string, value: string][] {
  const pairs: [string, string][] = [];
  for (let index = 0; index < args.length; index += 1) {
    const argument = args[index] ?? '';
    const next = args[index + 1];
    if (!isOption(argument)) pairs.push(['', quoteWord(argument)]);
    else if (next === undefined || isOption(next)) pairs.push([argument, '']);
    else {
      pairs.push([argument, quoteWord(next)]);
      index += 1;
    }
  }
  return pairs.length <= maxPairs ? pairs : pack(args);
}

/** Limits of the server's schema. */
const maxPairs = 1_000;
const maxOptionLength = 10_000;
const maxValueLength = 100_000;

/** An option reaches the argument vector as it is, so it must not be empty; a long one goes as a value. */
function isOption(argument: string): boolean {
  return argument.startsWith('-') && argument.length <= maxOptionLength;
}

/** As few pairs as possible: many words in one value. */
function pack(args: readonly string[]): [string, string][] {
  const values: string[] = [];
  for (const word of args.map(quoteWord)) {
    const last = values.at(-1);
    if (last === undefined || last.length + 1 + word.length > maxValueLength) values.push(word);
    else values[values.length - 1] = `${last} ${word}`;
  }
  return values.map((value) => ['', value]);
}
