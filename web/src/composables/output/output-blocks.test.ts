import { expect, it } from 'vitest';
import type { OutputLine } from '../../api/output.ts';
import { dropLinesFrom, toBlocks } from './output-blocks.ts';

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
