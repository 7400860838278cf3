import { styleAfter, type AnsiStyle } from '../../../../src/contract/terminal-line.ts';
import type { OutputLine } from '../../api/output.ts';

/** Lines that came together; rendered, and dropped, as one. */
export interface OutputBlock {
  key: number;
  lines: readonly OutputLine[];
}

/** What a page keeps at most: lines, very long ones counting more. */
const mostWeight = 3_000;
const blockLines = 25;
let lastKey = 0;

export function toBlocks(lines: readonly OutputLine[]): OutputBlock[] {
  const blocks: OutputBlock[] = [];
  for (let from = 0; from < lines.length; from += blockLines) {
    lastKey += 1;
    blocks.push({ key: lastKey, lines: lines.slice(from, from + blockLines) });
  }
  return blocks;
}

/** Adds lines at the end; first the last block is filled. */
export function appendLines(blocks: readonly OutputBlock[], lines: readonly OutputLine[]): OutputBlock[] {
  const last = blocks.at(-1);
  const room = last ? blockLines - last.lines.length : 0;
  if (!last || room <= 0) return [...blocks, ...toBlocks(lines)];
  const filled = { key: last.key, lines: [...last.lines, ...lines.slice(0, room)] };
  return [...blocks.slice(0, -1), filled, ...toBlocks(lines.slice(room))];
}

/**
 * Without the lines at the end that come again: those from this place on. Not all that have no end: a line that is stored
 * in pieces has many, and only its last one comes again.
 */
export function dropLinesFrom(blocks: readonly OutputBlock[], place: string): OutputBlock[] {
  const [chunk = 0, index = 0] = place.split('.').map(Number);
  const comesAgain = (line: OutputLine): boolean => {
    const [ofChunk = 0, ofLine = 0] = line.place.split('.').map(Number);
    return ofChunk > chunk || (ofChunk === chunk && ofLine >= index);
  };
  const kept = [...blocks];
  for (let last = kept.pop(); last; last = kept.pop()) {
    const lines = last.lines.filter((line) => !comesAgain(line));
    if (lines.length > 0) return [...kept, lines.length === last.lines.length ? last : { ...last, lines }];
  }
  return kept;
}

/** What is kept of too much; blocks are given up at the side that nobody looks at. */
export function trimBlocks(blocks: readonly OutputBlock[], side: 'begin' | 'end'): OutputBlock[] {
  const kept = [...blocks];
  let weight = kept.reduce((sum, block) => sum + weightOf(block), 0);
  while (kept.length > 2) {
    const far = side === 'begin' ? kept[0] : kept.at(-1);
    weight -= far ? weightOf(far) : 0;
    if (weight < mostWeight) break;
    if (side === 'begin') kept.shift();
    else kept.pop();
  }
  return kept;
}

function weightOf({ lines }: OutputBlock): number {
  return lines.reduce((sum, { text }) => sum + 1 + text.length / 4_000, 0);
}

/** Colours that are switched on where a line begins, in each stream. */
export type Styles = Readonly<Record<OutputLine['stream'], AnsiStyle | null>>;

/** What is switched on where each block begins, as far as the lines that are loaded tell; by key. */
export function stylesOf(blocks: readonly OutputBlock[]): Map<number, Styles> {
  const begins = new Map<number, Styles>();
  let styles: Styles = { stdout: null, stderr: null };
  for (const { key, lines } of blocks) {
    begins.set(key, styles);
    for (const line of lines) styles = stylesBehind(line, styles);
  }
  return begins;
}

/** What is switched on behind a line. */
export function stylesBehind({ kind, stream, text }: OutputLine, styles: Styles): Styles {
  const style = kind === 'text' ? styleAfter(text, styles[stream]) : styles[stream];
  return style === styles[stream] ? styles : { ...styles, [stream]: style };
}

/**
 * Places of pieces that are not seen: of a line that is stored in pieces, those before one in which the line is written
 * anew from its beginning, as that of a progress bar is.
 */
export function overwrittenPlaces(blocks: readonly OutputBlock[]): Set<string> {
  const overwritten = new Set<string>();
  const open: Record<OutputLine['stream'], OutputLine[]> = { stdout: [], stderr: [] };
  for (const line of blocks.flatMap(({ lines }) => lines)) {
    if (line.kind !== 'text') continue;
    const before = open[line.stream].filter((piece) => piece.line === line.line);
    const isRewritten = /\r./.test(line.text);
    if (isRewritten) for (const piece of before) overwritten.add(piece.place);
    open[line.stream] = line.isPartial ? [...(isRewritten ? [] : before), line] : [];
  }
  return overwritten;
}
