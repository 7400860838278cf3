/**
 * Words in one text, quotes respected. No shell takes part: `;`, `$()`, backticks and globs are characters like any
 * other, and so is a backslash outside double quotes.
 */

/** The first problem of a value, or null. */
export function findQuoteProblem(value: string): string | null {
  const { open } = scan(value);
  return open === null ? null : `a quotation mark (${open}) is opened and not closed`;
}

/**
 * Words at white space; '…' and "…" keep white space and may be empty; inside "…" a backslash before `"` or `\` takes
 * that character as it is. Not every character of a value was quoted, as a shell reads `a'b c'd` as one word.
 */
export function splitWords(value: string): string[] {
  return scan(value).words;
}

/** The other direction: one word. Inside '…' every character stands for itself; inside "…" only `\` and `"` need a backslash. */
export function quoteWord(word: string): string {
  if (word !== '' && !/[\s'"]/.test(word)) return word;
  if (!word.includes("'")) return `'${word}'`;
  return `"${word.replaceAll(/[\\"]/g, String.raw`\$&`)}"`;
}

/** What a shell splits at. A no-break space or a byte order mark is part of a file's name. */
function isGap(character: string): boolean {
  return character === ' ' || character === '\t' || character === '\n' || character === '\r';
}

function scan(value: string): { words: string[]; open: string | null } {
  const words: string[] = [];
  let word: string | null = null;
  let quote: string | null = null;
  for (let at = 0; at < value.length; at += 1) {
    const character = value[at] ?? '';
    if (quote !== null) {
      if (character === quote) {
        quote = null;
        continue;
      }
      const next = value[at + 1];
      const isEscape = quote === '"' && character === '\\' && (next === '"' || next === '\\');
      word = (word ?? '') + (isEscape ? next : character);
      if (isEscape) at += 1;
    } else if (character === '"' || character === "'") {
      quote = character;
      word ??= '';
    } else if (isGap(character)) {
      if (word !== null) words.push(word);
      word = null;
    } else {
      word = (word ?? '') + character;
    }
  }
  if (word !== null) words.push(word);
  return { words, open: quote };
}
