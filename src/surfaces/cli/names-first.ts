import { Command, type ParseOptionsResult } from 'commander';

/**
 * A command that ends with the words of somebody else's program. Options may stand before, between and behind its own
 * names; from the first word of the program on everything is the program's, exactly as it was given.
 */
export class NamesFirst extends Command {
  readonly #names: number;
  readonly #isStrict: boolean;

  /**
   * @param names how many come before the words of the program
   * @param isStrict an option that is not known is a mistake; else the words of the program begin with it
   */
  constructor(name: string, { names, isStrict }: { names: number; isStrict: boolean }) {
    super(name);
    this.#names = names;
    this.#isStrict = isStrict;
    this.passThroughOptions();
  }

  override parseOptions(args: string[]): ParseOptionsResult {
    const names: string[] = [];
    let left = args;
    while (names.length < this.#names) {
      const { operands, unknown } = super.parseOptions(left);
      const [name, ...rest] = operands;
      if (name === undefined || unknown.length > 0) return { operands: [...names, ...operands], unknown };
      names.push(name);
      left = rest;
    }
    const own = left.slice(0, this.#countOwn(left));
    super.parseOptions(own);
    const [first = '', ...others] = left.slice(own.length);
    if (first === '--') return { operands: [...names, ...others], unknown: [] };
    const isHelp = first === '--help' || first === '-h';
    const words = first === '' && others.length === 0 ? [] : [first, ...others];
    const isRefused = isHelp || (this.#isStrict && first.startsWith('-'));
    return isRefused ? { operands: names, unknown: words } : { operands: [...names, ...words], unknown: [] };
  }

  /** Words at the beginning that are options of ours, with their values. */
  #countOwn(args: readonly string[]): number {
    let count = 0;
    for (;;) {
      const [flag = ''] = (args[count] ?? '').split('=', 1);
      const option = this.options.find(({ short, long }) => short === flag || long === flag);
      if (!option) return count;
      const hasValueBehind = (option.required || option.optional) && args[count] === flag;
      count += hasValueBehind ? 2 : 1;
    }
  }
}
