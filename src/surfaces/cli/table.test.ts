import { describe, expect, it } from 'vitest';
import { displayWidth, formatFields, formatTable, printTable, type Column } from './table.ts';
import { createTestContext } from './test-context.ts';

const columns: Column<[string, string]>[] = [
  { title: 'ID', cell: ([id]) => id, align: 'right' },
  { title: 'NAME', cell: ([, name]) => name, isFlexible: true },
  { title: 'END', cell: () => 'x' },
];

describe('formatTable', () => {
  it('aligns columns by what is seen, not by characters', () => {
    const rows: [string, string][] = [
      ['1', 'plain'],
      ['20', '日本'],
      ['300', '\u001B[31mred\u001B[39m'],
    ];
    const lines = formatTable(rows, columns, { width: 0 });
    expect(lines[0]).toBe(' ID  NAME   END');
    expect(lines[2]).toBe(' 20  日本   x');
    expect(lines.map((line) => displayWidth(line.slice(0, -1)))).toEqual([14, 12, 12, 12]);
  });

  it('cuts the flexible column to the terminal, and not where a program reads', () => {
    const rows: [string, string][] = [['1', 'a very long name that does not fit']];
    expect(formatTable(rows, columns, { width: 26 })[1]).toBe(' 1  a very long name…  x');
    expect(formatTable(rows, columns, { width: 0 })[1]).toContain('does not fit');
  });

  it.each([0, 300])('is not as wide as its longest text, in a width of %i', (width) => {
    const rows: [string, string][] = [
      ['1', 'x'.repeat(5_000)],
      ['2', '日'.repeat(5_000)],
      ['3', 'y'.repeat(120)],
      ['4', 'short'],
    ];
    const [head, ...lines] = formatTable(rows, columns, { width });
    expect(lines).toEqual([
      ` 1  ${'x'.repeat(119)}…  x`,
      ` 2  ${'日'.repeat(59)}…   x`,
      ` 3  ${'y'.repeat(120)}  x`,
      ` 4  short${' '.repeat(115)}  x`,
    ]);
    expect(head).toHaveLength(129);
  });

  it('keeps the last text of a line, and a column that is wanted whole', () => {
    const last: Column<string>[] = [
      { title: 'A', cell: (text) => text, isWhole: true },
      { title: 'B', cell: (text) => text },
    ];
    const long = 'z'.repeat(500);
    expect(formatTable([long, 'a'], last, { width: 0 })).toEqual([
      `A${' '.repeat(501)}B`,
      `${long}  ${long}`,
      `a${' '.repeat(501)}a`,
    ]);
  });

  it('has as many rows as there are', () => {
    const rows = Array.from({ length: 200_000 }, (_row, index): [string, string] => [String(index), 'a']);
    expect(formatTable(rows, columns, { width: 0 })).toHaveLength(200_001);
  });

  it('an empty table says so beside the output', async () => {
    const context = createTestContext();
    await printTable(context, [], columns, { empty: 'Nothing.' });
    expect(context.written.stdout).toBe('');
    await expect.poll(() => context.written.stderr).toBe('Nothing.\n');
  });

  it('the heading is bold at a terminal, except with NO_COLOR', async () => {
    for (const [env, expected] of [
      [{}, '\u001B[1m'],
      [{ NO_COLOR: '1' }, 'ID'],
    ] as const) {
      const context = createTestContext({ isTerminal: true, env });
      await printTable(context, [['1', 'a']] as [string, string][], columns, { empty: '' });
      await expect.poll(() => context.written.stdout.startsWith(expected)).toBe(true);
    }
  });
});

describe('formatFields', () => {
  it('aligns values and leaves out what is not known', () => {
    expect(
      formatFields([
        ['a', '1'],
        ['long', '2'],
        ['gone', undefined],
      ]),
    ).toEqual(['a     1', 'long  2']);
  });
});
