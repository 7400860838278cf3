import { expect, it } from 'vitest';
import type { OutputLine } from '../../api/output.ts';
import { dropLinesFrom, overwrittenPlaces, stylesOf, toBlocks } from './output-blocks.ts';

const line = (place: string, isPartial: boolean): OutputLine => ({
  place,
  isPartial,
  row: 0,
  line: 0,
  stream: 'stdout',
  kind: 'text',
  text: place,
  at: '',
});

it('keeps the pieces of a line that goes on, and drops what comes again', () => {
  const lines = Array.from({ length: 60 }, (_, chunk) => line(`${chunk}.0`, true));
  const kept = dropLinesFrom(toBlocks(lines), '59.0').flatMap((block) => block.lines);
  expect(kept).toEqual(lines.slice(0, 59));
});

it('drops whole blocks when all of their lines come again', () => {
  const lines = Array.from({ length: 30 }, (_, index) => line(`7.${index}`, index > 24));
  expect(dropLinesFrom(toBlocks(lines), '7.25').flatMap((block) => block.lines)).toEqual(lines.slice(0, 25));
  expect(dropLinesFrom(toBlocks(lines), '0.0')).toEqual([]);
  expect(dropLinesFrom(toBlocks(lines), '8.0').flatMap((block) => block.lines)).toEqual(lines);
});

it('hides the pieces of a line that is written anew in a later one, and no others', () => {
  const piece = (place: string, text: string, change: Partial<OutputLine> = {}): OutputLine => ({
    ...line(place, true),
    text,
    ...change,
  });
  const blocks = toBlocks([
    piece('0.0', '\r 1 of 3'),
    piece('0.1', 'warned', { stream: 'stderr', isPartial: false }),
    piece('1.0', '\r 2 of 3'),
    piece('2.0', '\r 3 of 3', { isPartial: false }),
    piece('2.1', 'a long', { line: 1 }),
    piece('3.0', ' line\r', { line: 1, isPartial: false }),
  ]);
  expect([...overwrittenPlaces(blocks)]).toEqual(['0.0', '1.0']);
});

it('knows the colours that lines before a block left switched on, in each stream', () => {
  const lines = Array.from({ length: 30 }, (_, index) => ({ ...line(`0.${index}`, false), text: 'x' }));
  lines[3] = { ...line('0.3', false), text: '\u001B[31mred', stream: 'stderr' };
  const blocks = toBlocks(lines);
  const [first, second] = blocks.map(({ key }) => stylesOf(blocks).get(key));
  expect(first).toEqual({ stdout: null, stderr: null });
  expect(second).toEqual({ stdout: null, stderr: { color: '#cd0000' } });
});
