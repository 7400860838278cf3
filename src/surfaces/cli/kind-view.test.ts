import { expect, it } from 'vitest';
import { z } from 'zod';
import { describeKind } from './kind-view.ts';

it('shows every member of an input with its type, its default and whether it is needed', () => {
  const input = z.strictObject({
    paths: z.array(z.string()).describe('Files, by lines.'),
    algorithm: z.enum(['sha256', 'md5']).default('sha256'),
    pairs: z.array(z.tuple([z.string(), z.union([z.string(), z.boolean()])])).optional(),
    pace: z.strictObject({ perHost: z.int().min(1).max(9), share: z.number().min(0) }).optional(),
    checks: z.array(z.strictObject({ value: z.unknown(), count: z.int() })).default([]),
  });
  const kind = {
    name: 'sum',
    title: 'Sum\u001b[2J',
    description: 'Sums up.',
    runsProgram: false,
    input: z.toJSONSchema(input, { io: 'input' }),
  };
  expect(describeKind(kind, (_style, text) => text)).toBe(
    [
      'sum: Sum␛[2J',
      'Sums up.',
      '',
      'Members of --input, as JSON:',
      '  paths           list of text, needed. Files, by lines.',
      '  algorithm       one of "sha256", "md5", by default "sha256"',
      '  pairs           list of [text, text or true or false]',
      '  pace            object',
      '  pace.perHost    whole number from 1 to 9, needed',
      '  pace.share      number from 0, needed',
      '  checks          list of object, by default []',
      '  checks[].value  anything, needed',
      '  checks[].count  whole number, needed',
    ].join('\n'),
  );
});
