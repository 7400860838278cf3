import { FilterError, type Filter, type Term, type Value } from './filter.ts';
import { filterKey, findKey, keyNames, nearestName, type KeyName } from './keys.ts';
import { parseValue, type Token } from './values.ts';

const maxTextLength = 4_000;
const maxTerms = 100;
const maxTextOfValue = 200;

/**
 * Reads a filter: terms apart by white space, each a word, a quoted text or `key:value,value`, with `-` in front for
 * its opposite. Reads back exactly what `printFilter` wrote.
 * @throws FilterError and nothing else, whatever the text
 */
export function parseFilter(text: string): Filter {
  if (text.length > maxTextLength) {
    throw new FilterError(`it is longer than ${maxTextLength} characters`, maxTextLength);
  }
  refuseUnstorable(text);
  const terms: Term[] = [];
  for (const { from, to } of splitTerms(text)) {
    if (terms.length === maxTerms) throw new FilterError(`it has more than ${maxTerms} terms`, from);
    terms.push(parseTerm(text.slice(from, to), from));
  }
  return { terms };
}

/** Where the terms of a text stand. @throws FilterError for a quotation mark that is not closed */
export function splitTerms(text: string): { from: number; to: number }[] {
  const found: { from: number; to: number }[] = [];
  let at = 0;
  while (at < text.length) {
    if (/\s/.test(text[at] ?? '')) {
      at += 1;
      continue;
    }
    const to = endOfTerm(text, at);
    found.push({ from: at, to });
    at = to;
  }
  return found;
}

/** A quotation mark opens at the beginning of a word or value only; elsewhere it is a character like any other. */
function endOfTerm(text: string, from: number): number {
  let at = from;
  let mayOpen = true;
  while (at < text.length && !/\s/.test(text[at] ?? '')) {
    const character = text[at] ?? '';
    if (character === '"' && mayOpen) {
      at = endOfQuote(text, at);
      mayOpen = false;
      continue;
    }
    mayOpen = character === ':' || character === ',' || (character === '-' && at === from);
    at += 1;
  }
  return at;
}

/** Behind the closing mark. */
function endOfQuote(text: string, from: number): number {
  for (let at = from + 1; at < text.length; at += 1) {
    if (text[at] === '\\') at += 1;
    else if (text[at] === '"') return at + 1;
  }
  throw new FilterError('this quotation mark is not closed; expected something like "two words"', from);
}

/** What PostgreSQL, or a person, could not read. */
function refuseUnstorable(text: string): void {
  // oxlint-disable-next-line no-control-regex -- these are what is looked for
  const control = /[\0-\x08\x0e-\x1f\x7f]/.exec(text);
  if (control) throw new FilterError('a control character', control.index);
  if (!text.isWellFormed()) throw new FilterError('half of a character (a lone surrogate)', 0);
}

function parseTerm(term: string, position: number): Term {
  const isNot = term.startsWith('-');
  const rest = isNot ? term.slice(1) : term;
  const at = position + (isNot ? 1 : 0);
  if (rest === '')
    throw new FilterError('expected a word or key:value behind "-", such as -state:failed', at);
  const key = /^([^\s":]*):/.exec(rest)?.[1];
  return key === undefined || rest.startsWith('"')
    ? parseWord(rest, { isNot, at })
    : parseKeyTerm(key, rest.slice(key.length + 1), { isNot, at });
}

function parseWord(text: string, { isNot, at }: { isNot: boolean; at: number }): Term {
  const { token, length } = readToken(text, at, '');
  if (length < text.length)
    throw new FilterError('expected a blank behind the closing quotation mark', at + length);
  if (!token.isQuoted && text.startsWith('-')) {
    throw new FilterError('put words that begin with "-" in quotation marks, such as "--case"', at);
  }
  if (token.text.trim() === '') throw new FilterError('expected a word, such as crash or "two words"', at);
  return { type: 'word', isNot, text: token.text, isExact: token.isQuoted && !token.hasStar };
}

function parseKeyTerm(name: string, rest: string, { isNot, at }: { isNot: boolean; at: number }): Term {
  const dot = name.indexOf('.');
  const [head, path] = dot < 0 ? [name, undefined] : [name.slice(0, dot), name.slice(dot + 1)];
  const key = findKey(head);
  if (!key) throw new FilterError(unknownKey(head), at);
  checkPath(key, path, at);
  const values = parseValues(key, rest, at + name.length + 1);
  return { type: 'key', isNot, key, ...(path === undefined ? {} : { path }), values };
}

function unknownKey(name: string): string {
  const nearest = nearestName(name, keyNames);
  const hint = nearest === null ? '' : `; did you mean ${nearest}, as in ${filterKey(nearest).example}?`;
  return `there is no key "${name}"${hint === '' ? '.' : hint} A word with a colon goes in quotation marks.`;
}

function checkPath(key: KeyName, path: string | undefined, at: number): void {
  const { hasPath, example } = filterKey(key);
  if (hasPath && (path === undefined || path === '')) {
    throw new FilterError(`${key} needs the name of a member, as in ${example}`, at);
  }
  if (!hasPath && path !== undefined) throw new FilterError(`${key} has no members; expected ${example}`, at);
}

function parseValues(key: KeyName, text: string, position: number): Value[] {
  const values: Value[] = [];
  let from = 0;
  for (;;) {
    const at = position + from;
    const { token, length } = readToken(text.slice(from), at, ',');
    const isEmpty =
      token.text === '' && !token.hasStar && !(token.isQuoted && filterKey(key).type === 'text');
    const value = isEmpty ? { problem: 'there is no value' } : parseValue(key, token);
    if ('problem' in value) {
      throw new FilterError(
        `${key}: ${value.problem}; expected something like ${filterKey(key).example}`,
        at,
      );
    }
    values.push(value);
    from += length;
    if (from === text.length) return values;
    if (text[from] !== ',')
      throw new FilterError('expected a blank or a comma behind the closing quotation mark', position + from);
    from += 1;
  }
}

/** A quoted text with what is escaped in it, or everything up to `end`; a star behind it is taken off. */
function readToken(text: string, at: number, end: string): { token: Token; length: number } {
  const isQuoted = text.startsWith('"');
  const stop = end === '' ? -1 : text.indexOf(end);
  const length = isQuoted ? endOfQuote(text, 0) : stop < 0 ? text.length : stop;
  const raw = text.slice(0, length);
  const hasStar = isQuoted ? text[length] === '*' : raw.endsWith('*');
  const plain = isQuoted ? raw.slice(1, -1).replaceAll(/\\(.)/gs, '$1') : hasStar ? raw.slice(0, -1) : raw;
  if (plain.length > maxTextOfValue) {
    throw new FilterError(`this is longer than ${maxTextOfValue} characters`, at);
  }
  return { token: { text: plain, isQuoted, hasStar }, length: length + (isQuoted && hasStar ? 1 : 0) };
}
