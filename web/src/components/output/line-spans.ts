import { parseAnsi, type AnsiSpan, type AnsiStyle } from '../../../../src/contract/terminal-line.ts';

/** A piece of a line that looks the same throughout. */
export interface LineSpan extends AnsiSpan {
  isMatch: boolean;
}

/** Beyond that a line is cut until somebody wants all of it: one of megabytes would make the page stand still. */
export const mostCharacters = 2_000;

export interface LineText {
  spans: LineSpan[];
  /** Characters that are not shown. */
  hidden: number;
}

/**
 * What to show of a line, with every place of a text marked. It is cut behind what a terminal makes of it: a progress bar
 * prints much of which little is seen.
 */
export function toLineText(
  printed: string,
  options: { find: string; ignoresCase: boolean; isWhole: boolean; style: AnsiStyle | null },
): LineText {
  const { find, ignoresCase, isWhole, style } = options;
  const read = isWhole ? printed : latest(printed);
  const spans = parseAnsi(read.slice(0, isWhole ? Infinity : mostRead), style);
  const seen = isWhole ? spans : cutAfter(spans, mostCharacters);
  const hidden = lengthOf(spans) - lengthOf(seen) + Math.max(0, isWhole ? 0 : read.length - mostRead);
  return { spans: markMatches(seen, find, ignoresCase), hidden };
}

/** The same, where a line stands among others and is neither searched nor coloured. */
export function toPlainLine(printed: string): string {
  const { spans } = toLineText(printed, { find: '', ignoresCase: false, isWhole: false, style: null });
  return spans.map(({ text }) => text).join('');
}

/** More of a line than this is not interpreted until somebody wants all of it. */
const mostRead = 100_000;

/** Of a very long line what it was last written over with. */
function latest(printed: string): string {
  if (printed.length <= mostRead) return printed;
  const begin = printed.slice(0, -1).indexOf('\r', printed.length - mostRead);
  return begin < 0 ? printed : printed.slice(begin + 1);
}

function lengthOf(spans: readonly AnsiSpan[]): number {
  return spans.reduce((sum, { text }) => sum + text.length, 0);
}

function cutAfter(spans: readonly AnsiSpan[], length: number): AnsiSpan[] {
  let room = length;
  return spans.flatMap((span) => {
    const text = span.text.slice(0, room);
    room -= text.length;
    return text === '' ? [] : [{ ...span, text }];
  });
}

function markMatches(spans: readonly AnsiSpan[], find: string, ignoresCase: boolean): LineSpan[] {
  const plain = spans.map((span) => ({ ...span, isMatch: false }));
  if (find === '') return plain;
  const text = fold(spans.map((span) => span.text).join(''), ignoresCase);
  const wanted = fold(find, ignoresCase);
  const cuts: number[] = [];
  for (let at = text.indexOf(wanted); at >= 0; at = text.indexOf(wanted, at + wanted.length))
    cuts.push(at, at + wanted.length);
  return cuts.length === 0 ? plain : cutSpans(spans, cuts);
}

/** @param cuts where matches begin and end, in turn */
function cutSpans(spans: readonly AnsiSpan[], cuts: readonly number[]): LineSpan[] {
  const pieces: LineSpan[] = [];
  let at = 0;
  let next = 0;
  for (const { text, style } of spans) {
    const end = at + text.length;
    for (let from = at; from < end;) {
      while ((cuts[next] ?? Infinity) <= from) next += 1;
      const to = Math.min(end, cuts[next] ?? Infinity);
      pieces.push({ text: text.slice(from - at, to - at), style, isMatch: next % 2 === 1 });
      from = to;
    }
    at = end;
  }
  return pieces;
}

/** Letters of ASCII only, as the server does. Accents are marked in the form in which they were typed. */
function fold(text: string, ignoresCase: boolean): string {
  return ignoresCase ? text.replaceAll(/[A-Z]+/g, (letters) => letters.toLowerCase()) : text;
}
