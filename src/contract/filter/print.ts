import type { Filter, Term, WordTerm } from './filter.ts';
import { printValue, quote } from './values.ts';

/** The text of a filter; what `parseFilter` reads from it is the same filter. */
export function printFilter({ terms }: Filter): string {
  return terms.map(printTerm).join(' ');
}

export function printTerm(term: Term): string {
  const sign = term.isNot ? '-' : '';
  if (term.type === 'word') return `${sign}${printWord(term)}`;
  const path = term.path === undefined ? '' : `.${term.path}`;
  return `${sign}${term.key}${path}:${term.values.map(printValue).join(',')}`;
}

function printWord({ text, isExact }: WordTerm): string {
  if (isExact) return quote(text);
  const isPlain = !/[\s:"]/.test(text) && !text.startsWith('-');
  if (!isPlain) return `${quote(text)}*`;
  return text.endsWith('*') ? `${text}*` : text;
}
