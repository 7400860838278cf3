import { FilterError, type Filter, type Term, type Value } from './filter.ts';
import { filterKey, findKey, keyNames, type KeyName } from './keys.ts';
import { parseFilter } from './parse.ts';
import { printValue } from './values.ts';

/** What stands at the cursor of somebody who types a filter. */
export interface CompletionPoint {
  /** What a completion replaces. */
  from: number;
  to: number;
  /** Behind which key; null where a key, or a word, is typed. */
  key: KeyName | null;
  /** The member of an input; also while its name is typed (`key` null). */
  path: string | null;
  typed: string;
  /** The other terms, as far as they can be read. */
  others: Filter;
}

export interface Completion {
  /** To be put in place of `from` to `to`. */
  text: string;
  meaning: string | null;
}

/** @param at where the cursor stands, in UTF-16 units */
export function completionPoint(text: string, at: number): CompletionPoint {
  const to = Math.min(Math.max(0, at), text.length);
  const pieces = splitLoosely(text.slice(0, to));
  const current = pieces.pop() ?? { from: to, text: '' };
  const after = splitLoosely(text.slice(to).replace(/^\S+/, ''));
  const others = readable([...pieces, ...after].map((piece) => piece.text));
  const sign = current.text.startsWith('-') ? 1 : 0;
  const typed = current.text.slice(sign);
  const colon = typed.indexOf(':');
  const head = colon < 0 ? '' : typed.slice(0, colon);
  const [name = '', ...path] = head.split('.');
  const key = findKey(name);
  if (colon < 0 || typed.startsWith('"') || !key) {
    const member = /^args\.([^\s":]*)$/i.exec(typed)?.[1] ?? null;
    return { from: current.from + sign, to, key: null, path: member, typed, others };
  }
  const value = typed.slice(colon + 1);
  const start = startOfLastValue(value);
  return {
    from: current.from + sign + colon + 1 + start,
    to,
    key,
    path: path.length > 0 ? path.join('.') : null,
    typed: value.slice(start).replace(/^"/, ''),
    others,
  };
}

/** Pieces apart by white space, quotation marks respected; the last one may be empty, or its mark still open. */
function splitLoosely(text: string): { from: number; text: string }[] {
  const pieces: { from: number; text: string }[] = [];
  let from = 0;
  let isQuoted = false;
  for (let at = 0; at <= text.length; at += 1) {
    const character = text[at];
    if (character === '\\' && isQuoted) at += 1;
    else if (character === '"' && (isQuoted || /^$|[-:,]$/.test(text.slice(from, at)))) isQuoted = !isQuoted;
    else if (character === undefined || (!isQuoted && /\s/.test(character))) {
      pieces.push({ from, text: text.slice(from, at) });
      from = at + 1;
    }
  }
  return pieces;
}

function readable(pieces: readonly string[]): Filter {
  const terms: Term[] = [];
  for (const piece of pieces) {
    try {
      terms.push(...parseFilter(piece).terms);
    } catch (error) {
      if (!(error instanceof FilterError)) throw error;
    }
  }
  return { terms };
}

/** Behind the last comma that stands outside of quotation marks. */
function startOfLastValue(text: string): number {
  let start = 0;
  let isQuoted = false;
  for (let at = 0; at < text.length; at += 1) {
    if (text[at] === '"') isQuoted = !isQuoted;
    else if (text[at] === ',' && !isQuoted) start = at + 1;
  }
  return start;
}

/** Keys that begin as typed, with what they mean. */
export function completeKeys({ typed }: CompletionPoint): Completion[] {
  const begin = typed.toLowerCase();
  return keyNames
    .filter((name) => name.startsWith(begin))
    .map((name) => {
      const { hasPath, meaning } = filterKey(name);
      return { text: hasPath ? `${name}.` : `${name}:`, meaning };
    });
}

const momentExamples = ['today', 'yesterday', '-1h', '-24h', '-7d', '-4w'];
const durationExamples = ['>1m', '>10m', '>1h', '>1d', '<1m'];

/** Values that a key has whatever the diary holds; null where it is asked. */
export function fixedValues(key: KeyName): readonly string[] | null {
  const { type, choices } = filterKey(key);
  if (choices) return choices;
  if (type === 'moment') return momentExamples;
  if (type === 'duration') return durationExamples;
  return type === 'number' ? [] : null;
}

/** Values as they are written behind a key, those that begin as typed. */
export function completeValues(typed: string, values: readonly string[], isText: boolean): Completion[] {
  const begin = typed.toLowerCase();
  const written = (text: string): string => {
    const value: Value = { type: 'text', text, isExact: true };
    return isText || /[\s,]/.test(text) ? printValue(value) : text;
  };
  return values
    .filter((value) => value.toLowerCase().startsWith(begin))
    .map((value) => ({ text: written(value), meaning: null }));
}
