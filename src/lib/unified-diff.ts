const contextLines = 3;
/** More differences than that, and the texts are told to differ without saying how: the search is quadratic in them. */
const maxEdits = 500;

interface Edit {
  sign: ' ' | '-' | '+';
  line: string;
}

/**
 * The difference of two texts as `diff -u` shows it, by the greedy algorithm of Myers ("An O(ND) Difference Algorithm and
 * Its Variations", 1986). Empty when they are equal; null when they differ in too many lines.
 */
export function unifiedDiff(
  before: string,
  after: string,
  names: { before: string; after: string },
): string | null {
  if (before === after) return '';
  const edits = diffLines(toLines(before), toLines(after));
  if (!edits) return null;
  return [`--- ${names.before}`, `+++ ${names.after}`, ...toHunks(edits)].join('\n') + '\n';
}

/** A last line without an end is another line than one with it. */
function toLines(text: string): string[] {
  if (text === '') return [];
  const lines = text.split('\n');
  const last = lines.pop();
  return last ? [...lines, `${last}\n\\ No newline at end of file`] : lines;
}

function diffLines(a: readonly string[], b: readonly string[]): Edit[] | null {
  const trace: Map<number, number>[] = [];
  const furthest = new Map<number, number>([[1, 0]]);
  for (let depth = 0; depth <= Math.min(a.length + b.length, maxEdits); depth += 1) {
    trace.push(new Map(furthest));
    for (let k = -depth; k <= depth; k += 2) {
      const down = furthest.get(k + 1) ?? -1;
      const right = furthest.get(k - 1) ?? -1;
      let x = k === -depth || (k !== depth && right < down) ? down : right + 1;
      while (x < a.length && x - k < b.length && a[x] === b[x - k]) x += 1;
      furthest.set(k, x);
      if (x >= a.length && x - k >= b.length) return walkBack(trace, a, b);
    }
  }
  return null;
}

function walkBack(trace: readonly Map<number, number>[], a: readonly string[], b: readonly string[]): Edit[] {
  const edits: Edit[] = [];
  let x = a.length;
  let y = b.length;
  for (let depth = trace.length - 1; depth >= 0; depth -= 1) {
    const furthest = trace[depth] ?? new Map<number, number>();
    const k = x - y;
    const down = furthest.get(k + 1) ?? -1;
    const right = furthest.get(k - 1) ?? -1;
    const isInsertion = k === -depth || (k !== depth && right < down);
    const fromX = depth === 0 ? 0 : isInsertion ? down : right;
    const fromY = depth === 0 ? 0 : fromX - (isInsertion ? k + 1 : k - 1);
    while (x > fromX && y > fromY && a[x - 1] === b[y - 1]) {
      x -= 1;
      y -= 1;
      edits.push({ sign: ' ', line: a[x] ?? '' });
    }
    if (depth === 0) break;
    if (isInsertion) edits.push({ sign: '+', line: b[(y -= 1)] ?? '' });
    else edits.push({ sign: '-', line: a[(x -= 1)] ?? '' });
  }
  return edits.reverse();
}

function toHunks(edits: readonly Edit[]): string[] {
  const lines: string[] = [];
  let oldLine = 1;
  let newLine = 1;
  for (let at = 0; at < edits.length;) {
    const change = edits.findIndex(({ sign }, index) => index >= at && sign !== ' ');
    if (change < 0) break;
    const start = Math.max(at, change - contextLines);
    oldLine += start - at;
    newLine += start - at;
    const end = endOfHunk(edits, change);
    const hunk = edits.slice(start, end);
    const oldCount = hunk.filter(({ sign }) => sign !== '+').length;
    const newCount = hunk.filter(({ sign }) => sign !== '-').length;
    lines.push(`@@ -${span(oldLine, oldCount)} +${span(newLine, newCount)} @@`);
    lines.push(...hunk.map(({ sign, line }) => sign + line));
    oldLine += oldCount;
    newLine += newCount;
    at = end;
  }
  return lines;
}

/** Behind the context of the last change that is near enough to the one before. */
function endOfHunk(edits: readonly Edit[], change: number): number {
  let last = change;
  for (let index = change; index < edits.length && index - last <= 2 * contextLines; index += 1)
    if (edits[index]?.sign !== ' ') last = index;
  return Math.min(edits.length, last + contextLines + 1);
}

function span(line: number, count: number): string {
  if (count === 1) return String(line);
  return `${count === 0 ? line - 1 : line},${count}`;
}
