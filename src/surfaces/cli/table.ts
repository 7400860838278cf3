import { stripVTControlCharacters } from 'node:util';
import type { CliContext } from './context.ts';
import { painter, print } from './output.ts';

export interface Column<Row> {
  title: string;
  /** Clean text, perhaps coloured. */
  cell(row: Row): string;
  align?: 'right';
  /** May be cut when the terminal is too narrow. At most one column. */
  isFlexible?: boolean;
  /** Never cut by its length: what one came for. */
  isWhole?: boolean;
}

const gap = '  ';
const minFlexibleWidth = 12;
/** One name of thousands of characters would make every line as wide. The last column widens no other line. */
const mostWidth = 120;

/** Prints aligned columns; `empty` when there is no row. Where a program reads, only very long texts are cut. */
export async function printTable<Row>(
  context: CliContext,
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  options: { empty: string },
): Promise<void> {
  const { stdout, stderr, env } = context;
  if (rows.length === 0) {
    // Beside the output, so that a program that counts lines counts none.
    stderr.write(`${options.empty}\n`);
    return;
  }
  const width = stdout.isTTY ? (stdout.columns ?? 0) : 0;
  const [head = '', ...lines] = formatTable(rows, columns, { width });
  await print(context, [painter(stdout, env)('bold', head), ...lines].join('\n'));
}

/** The lines of the table, the heading first. @param options.width of the terminal; 0: none */
export function formatTable<Row>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  options: { width: number },
): string[] {
  const cells = [
    columns.map((column) => column.title),
    ...rows.map((row) => columns.map((c) => c.cell(row))),
  ];
  const widths = columns.map(({ isWhole = false }, index) => {
    const isBounded = !isWhole && index < columns.length - 1;
    // As arguments of one call, a hundred thousand rows overflow the stack.
    const longest = cells.reduce((most, line) => Math.max(most, displayWidth(line[index] ?? '')), 0);
    return isBounded ? Math.min(longest, mostWidth) : longest;
  });
  const flexible = columns.findIndex((column) => column.isFlexible);
  const total = widths.reduce((sum, width) => sum + width, gap.length * (columns.length - 1));
  const excess = options.width === 0 ? 0 : Math.max(0, total - options.width);
  if (flexible >= 0) {
    const full = widths[flexible] ?? 0;
    widths[flexible] = Math.min(full, Math.max(minFlexibleWidth, full - excess));
  }
  return cells.map((line) =>
    line
      .map((text, index) => pad(cut(text, widths[index] ?? 0), widths[index] ?? 0, columns[index]?.align))
      .join(gap)
      .trimEnd(),
  );
}

/** Lines of `name  value`, for one thing. Undefined values are left out. */
export function formatFields(
  fields: readonly (readonly [name: string, value: string | undefined])[],
): string[] {
  const shown = fields.filter((field): field is [string, string] => field[1] !== undefined);
  const width = Math.max(0, ...shown.map(([name]) => displayWidth(name)));
  return shown.map(([name, value]) => `${pad(name, width)}${gap}${value}`.trimEnd());
}

function pad(text: string, width: number, align?: 'right'): string {
  const fill = ' '.repeat(Math.max(0, width - displayWidth(text)));
  return align === 'right' ? fill + text : text + fill;
}

function cut(text: string, width: number): string {
  if (displayWidth(text) <= width) return text;
  let kept = '';
  let keptWidth = 0;
  for (const { segment } of graphemes(stripVTControlCharacters(text))) {
    keptWidth += segmentWidth(segment);
    if (keptWidth > width - 1) break;
    kept += segment;
  }
  return `${kept}…`;
}

let segmenter: Intl.Segmenter | undefined;

function graphemes(text: string): Intl.Segments {
  // Made when first needed: it takes 80 ms, and most text is plain ASCII.
  segmenter ??= new Intl.Segmenter();
  return segmenter.segment(text);
}

/** Columns that the text takes at a terminal: colours none, East Asian characters and emoji two. */
export function displayWidth(text: string): number {
  const plain = stripVTControlCharacters(text);
  if (/^[\x20-\x7e]*$/.test(plain)) return plain.length;
  let width = 0;
  for (const { segment } of graphemes(plain)) width += segmentWidth(segment);
  return width;
}

const wide =
  /^[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}/u;

function segmentWidth(segment: string): number {
  return wide.test(segment) ? 2 : 1;
}
