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

/** Without the lines at the end whose own end had not come when they were read. */
export function dropOpenLines(blocks: readonly OutputBlock[]): OutputBlock[] {
  const last = blocks.at(-1);
  if (!last) return [];
  const whole = last.lines.findLastIndex(({ isPartial }) => !isPartial) + 1;
  if (whole === last.lines.length) return [...blocks];
  return [
    ...blocks.slice(0, -1),
    ...(whole === 0 ? [] : [{ key: last.key, lines: last.lines.slice(0, whole) }]),
  ];
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
  return lines.reduce((sum, { text }) => sum + 1 + text.length / 20_000, 0);
}
