import { parseAnsi, type AnsiSpan } from '../../format/ansi.ts';

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

/** What to show of a line, with every place of a text marked. */
export function toLineText(
  printed: string,
  { find, ignoresCase, isWhole }: { find: string; ignoresCase: boolean; isWhole: boolean },
): LineText {
  const cut = isWhole ? printed : printed.slice(0, mostCharacters);
  const spans = parseAnsi(cut);
  return { spans: markMatches(spans, find, ignoresCase), hidden: printed.length - cut.length };
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

/** Letters of ASCII only, as the server does. */
function fold(text: string, ignoresCase: boolean): string {
  return ignoresCase ? text.replaceAll(/[A-Z]+/g, (letters) => letters.toLowerCase()) : text;
}
