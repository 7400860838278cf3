import { expect, it } from 'vitest';
import { toCsv, toTable as toPlotTable } from './plot-data.ts';
import { toTable } from './result-table.ts';

it('makes a table of a list of flat objects', () => {
  expect(
    toTable([
      { a: 1, b: 'x' },
      { b: null, c: true },
    ]),
  ).toEqual({
    columns: ['a', 'b', 'c'],
    rows: [
      ['1', 'x', '–'],
      ['–', '–', 'true'],
    ],
  });
});

it.each([[[]], [[1, 2]], [[{ a: { b: 1 } }]], [{ a: 1 }], [null], ['text']])('makes none of %j', (value) => {
  expect(toTable(value)).toBeNull();
});

const line = (label: string, x: number[], y: number[]) => ({
  label,
  jobId: 1,
  isBase: false,
  x: Float64Array.from(x),
  y: Float64Array.from(y),
});

it('lays lines that were measured at different places beside each other, for plot and file', () => {
  const lines = [line('mine', [1, 2], [10, 20]), line('base "run"', [2, 3], [200, 300])];
  expect(toPlotTable(lines)).toEqual([
    [1, 2, 3],
    [10, 20, null],
    [null, 200, 300],
  ]);
  expect(toCsv(lines)).toBe('x,mine,"base ""run"""\n1,10,\n2,20,200\n3,,300\n');
});

it('sorts what was measured out of order, and leaves out what a logarithm cannot show', () => {
  expect(toPlotTable([line('mine', [3, 1, 2], [0, -1, 5])], { isLog: true })).toEqual([
    [1, 2, 3],
    [null, 5, null],
  ]);
});
