import { FilterError } from '../../contract/filter/filter.ts';
import { parseFilter } from '../../contract/filter/parse.ts';
import { cleanText } from './clean-text.ts';
import { UsageError } from './errors.ts';
import { displayWidth } from './table.ts';

/** The words of a command line as one filter. @throws UsageError that shows where it cannot be read, and why */
export function toFilter(words: readonly string[]): string {
  const text = words.join(' ');
  try {
    parseFilter(text);
    return text;
  } catch (error) {
    if (!(error instanceof FilterError)) throw error;
    throw new UsageError(`The filter cannot be read.\n${pointAt(text, error)}`);
  }
}

const shownAtMost = 70;

/** The place, as compilers show it; of a long filter only what stands around it. */
function pointAt(text: string, { position, reason }: FilterError): string {
  const from = Math.max(0, position - shownAtMost / 2);
  const before = cleanText(text.slice(from, position)).replaceAll(/\s/g, ' ');
  const after = cleanText(text.slice(position, from + shownAtMost)).replaceAll(/\s/g, ' ');
  const indent = ' '.repeat(displayWidth(before));
  return `  ${before}${after}\n  ${indent}^\n  ${cleanText(reason)}`;
}
