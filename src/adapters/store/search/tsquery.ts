import type { Value, WordTerm } from '../../../contract/filter/filter.ts';
import { foldWord } from '../../../contract/words.ts';

/** A lexeme in the text form of tsquery; every character of it stands for itself. */
function lexeme(word: string, isPrefix: boolean): string {
  return `'${word.replaceAll('\\', '\\\\').replaceAll("'", "''")}'${isPrefix ? ':*' : ''}`;
}

/** An exact text of several words is a whole keyword, or all its words are. */
export function wordQuery({ text, isExact }: WordTerm): string {
  const word = foldWord(text);
  const whole = lexeme(word, !isExact);
  const words = word.split(/\s+/).filter((part) => part !== '');
  if (!isExact || words.length < 2) return whole;
  return `(${whole} | (${words.map((part) => lexeme(part, false)).join(' & ')}))`;
}

/** Any of the values of a facet. @param facetOf the lexeme of one value */
export function facetQuery(values: readonly Value[], facetOf: (value: string) => string): string {
  const lexemes = values.map((value) =>
    value.type === 'text' ? lexeme(facetOf(value.text), !value.isExact) : lexeme(facetOf(''), true),
  );
  return `(${lexemes.join(' | ')})`;
}
