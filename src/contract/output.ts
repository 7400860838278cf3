import { z } from 'zod';
import { streams, type Stream } from './stream.ts';

/** One line as the API shows it. */
export const outputLine = z.object({
  stream: z.enum(streams),
  line: z.int().nullable().describe('Counted from 0 within the stream of the attempt; null for a gap.'),
  at: z.iso.datetime({ offset: true }),
  text: z.string(),
  kind: z.enum(['text', 'protocol', 'gap']),
  isPartial: z.boolean().describe('The end of the line has not come yet.'),
  place: z
    .string()
    .optional()
    .describe('Of a line that was found: `from` that shows it among the lines of both streams.'),
});

/** Lines around a place, for a viewer that scrolls. */
export const outputView = z.object({
  attempt: z.int(),
  isEnded: z.boolean(),
  lines: z.array(
    outputLine.extend({
      place: z.string().describe('Where it begins; stays the same.'),
      row: z.int().describe('Lines of the view that ended before it.'),
    }),
  ),
  before: z
    .string()
    .nullable()
    .describe('`from` for what comes before, with direction backward; null at the beginning.'),
  after: z
    .string()
    .nullable()
    .describe(
      '`from` for what comes behind. At the end of what is stored, lines without an end come again from there.',
    ),
  hasMore: z.boolean().describe('More is stored behind `after`.'),
  rows: z.int().describe('Whole lines of the view that are stored.'),
  chunks: z.int().describe('Pieces that are stored; the number before the dot of a place counts them.'),
});

/** A text to find in lines. */
export const findText = z
  .string()
  .min(1)
  .max(1_000)
  .refine((text) => !text.includes('\n'), 'must be a part of one line');

export const findCase = z
  .enum(['exact', 'ignore'])
  .default('exact')
  .describe('For `find`: `ignore` takes A–Z and a–z for equal.');

/** A place in the output of an attempt. */
export type OutputPlace =
  | { by: 'place'; chunk: number; index: number }
  | { by: 'line'; stream: Stream; line: number };

/** Reads `12.40` (a chunk and how many of its lines came before) or `stdout:120` (a line); null when it is neither. */
export function parsePlace(text: string): OutputPlace | null {
  const place = /^(\d{1,9})\.(\d{1,9})$/.exec(text);
  if (place) return { by: 'place', chunk: Number(place[1]), index: Number(place[2]) };
  const line = /^(stdout|stderr):(\d{1,15})$/.exec(text);
  return line
    ? { by: 'line', stream: line[1] === 'stderr' ? 'stderr' : 'stdout', line: Number(line[2]) }
    : null;
}
