import type { Bound, Range, Value } from './filter.ts';
import { filterKey, nearestName, type KeyName } from './keys.ts';
import { parseMoment } from './moments.ts';

/** A value as it stands in the text. */
export interface Token {
  text: string;
  isQuoted: boolean;
  /** A `*` stood behind it. */
  hasStar: boolean;
}

/** The value a token means for a key, or what was expected instead. */
export function parseValue(key: KeyName, token: Token): Value | { problem: string } {
  const { type, choices = [] } = filterKey(key);
  const { text, isQuoted, hasStar } = token;
  if (!isQuoted && text === '' && hasStar) return { type: 'any' };
  if (type === 'text') {
    if (isQuoted || !isComparison(text)) return { type: 'text', text, isExact: !hasStar };
    return {
      problem: `"${text}" compares, and ${key} is text, of which only equal ones are found; in quotation marks it is such a text`,
    };
  }
  const written = hasStar ? `${text}*` : text;
  switch (type) {
    case 'choice': {
      const choice = choices.find((known) => known === written.toLowerCase());
      if (choice) return { type, choice: choice === 'nok' ? 'not ok' : choice };
      const nearest = nearestName(written, choices);
      const hint = nearest === null ? '' : ` (did you mean ${nearest}?)`;
      return { problem: `"${written}"${hint} is none of ${choices.join(', ')}` };
    }
    case 'number': {
      const range = parseRange(written, parseNumber);
      return range ? { type, range } : { problem: `"${written}" is no number` };
    }
    case 'duration': {
      const range = parseRange(written, parseDuration);
      if (range && range.from?.at !== range.to?.at) return { type, range };
      return { problem: `"${written}" is no comparison with a duration` };
    }
    case 'moment': {
      const range = parseRange(written, parseMoment);
      if (!range) return { problem: `"${written}" is no date` };
      // How long ago is meant as "since then".
      const isSince = range.from !== null && range.from === range.to && isAgo(range.from.at);
      return { type, range: isSince ? { from: range.from, to: null } : range };
    }
  }
}

/** What other keys read as a comparison, or a range of numbers, dates or durations. */
function isComparison(text: string): boolean {
  return /^[<>]/.test(text) || /^([-+]?\d\S*?)?\.\.([-+]?\d\S*)?$/.test(text);
}

/** `5`, `>5`, `>=5`, `<5`, `<=5`, `5..10`, `5..`, `..10`; a single value has one bound for both ends. */
function parseRange<T>(text: string, parse: (text: string) => T | null): Range<T> | null {
  const comparison = /^(>=|>|<=|<)(.*)$/s.exec(text);
  if (comparison) {
    const [, operator = '', rest = ''] = comparison;
    const bound = toBound(parse(rest), operator.endsWith('='));
    if (!bound) return null;
    return operator.startsWith('>') ? { from: bound, to: null } : { from: null, to: bound };
  }
  const dots = text.indexOf('..');
  if (dots < 0) {
    const bound = toBound(parse(text), true);
    return bound && { from: bound, to: bound };
  }
  const [first, last] = [text.slice(0, dots), text.slice(dots + 2)];
  const from = first === '' ? null : toBound(parse(first), true);
  const to = last === '' ? null : toBound(parse(last), true);
  const isWhole = (first === '' || from !== null) && (last === '' || to !== null) && text !== '..';
  return isWhole ? { from, to } : null;
}

function toBound<T>(at: T | null, isIncluded: boolean): Bound<T> | null {
  return at === null ? null : { at, isIncluded };
}

function parseNumber(text: string): number | null {
  return /^-?\d{1,15}$/.test(text) ? Number(text) + 0 : null;
}

const unitsMs = { w: 604_800_000, d: 86_400_000, h: 3_600_000, m: 60_000, s: 1_000, ms: 1 } as const;
const maxDurationMs = 1e13;

/** `90s`, `10m`, `1h30m`, `2d`, `500ms`; a bare number counts seconds. */
function parseDuration(text: string): number | null {
  if (/^\d+$/.test(text)) return toDuration(Number(text) * 1_000);
  if (!/^(\d+(\.\d{1,3})?(ms|w|d|h|min|m|s))+$/i.test(text)) return null;
  let total = 0;
  for (const [, amount, unit = ''] of text.toLowerCase().matchAll(/([\d.]+)(ms|w|d|h|min|m|s)/g)) {
    total += Number(amount) * unitsMs[(unit === 'min' ? 'm' : unit) as keyof typeof unitsMs];
  }
  return toDuration(Math.round(total));
}

function toDuration(ms: number): number | null {
  return ms <= maxDurationMs ? ms : null;
}

/** The shortest text that `parseValue` reads as this value. */
export function printValue(value: Value): string {
  switch (value.type) {
    case 'any':
      return '*';
    case 'text':
      return printText(value.text, value.isExact);
    case 'choice':
      return value.choice.includes(' ') ? quote(value.choice) : value.choice;
    case 'number':
      return printRange(value.range, String);
    case 'duration':
      return printRange(value.range, printDuration);
    case 'moment':
      return printRange(value.range, String);
  }
}

function printText(text: string, isExact: boolean): string {
  const isPlain = text !== '' && !/[\s,"]/.test(text) && !text.endsWith('*') && !isComparison(text);
  return `${isPlain ? text : quote(text)}${isExact ? '' : '*'}`;
}

/** In quotation marks; `"` and `\` inside get a `\`. */
export function quote(text: string): string {
  return `"${text.replaceAll(/["\\]/g, String.raw`\$&`)}"`;
}

function printRange<T>({ from, to }: Range<T>, print: (at: T) => string): string {
  if (from && to) {
    const [first, last] = [print(from.at), print(to.at)];
    // A single `-7d` would mean "since then".
    return first === last && !isAgo(from.at) ? first : `${first}..${last}`;
  }
  if (from) return `>${from.isIncluded ? '=' : ''}${print(from.at)}`;
  return to ? `<${to.isIncluded ? '=' : ''}${print(to.at)}` : '..';
}

function isAgo(at: unknown): boolean {
  return typeof at === 'string' && at.startsWith('-');
}

function printDuration(ms: number): string {
  let text = '';
  let rest = ms;
  for (const [unit, size] of Object.entries(unitsMs)) {
    const count = Math.floor(rest / size);
    if (count > 0) text += `${count}${unit}`;
    rest -= count * size;
  }
  return text === '' ? '0s' : text;
}
