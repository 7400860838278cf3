import { z } from 'zod';
import { verdict } from './job.ts';

/** One of the many things that a job did, with a verdict of its own: a URL of a list. */
export const jobPart = z.object({
  jobId: z.int(),
  number: z.int().describe('Its place in the job, from 1.'),
  key: z.string().describe('What it is about; the same thing has the same key in every job.'),
  endedAt: z.iso.datetime({ offset: true }),
  verdict,
  isConclusive: z
    .boolean()
    .describe('false: nothing can be concluded from it, and it counts neither as good nor as bad.'),
  tookMs: z.number().nullable(),
  facts: z.unknown().describe('By the schema of the kind.'),
});
export type JobPart = z.infer<typeof jobPart>;

/** What became of one thing over a time, in equal slices of it. */
export const partSummary = z.object({
  from: z.iso.datetime({ offset: true }),
  until: z.iso.datetime({ offset: true }),
  latest: jobPart.omit({ facts: true }).nullable().describe('The newest; null: there is none in this time.'),
  unchangedSince: z.iso
    .datetime({ offset: true })
    .nullable()
    .describe(
      'Since when it is bad, or not bad, as it was at the newest that says so; at `from` that may have been going on already.',
    ),
  isCut: z.boolean().describe('There are more than the newest 100000, which were counted.'),
  slices: z
    .array(
      z.object({
        number: z.int().describe('From 0, the oldest; one without any part is left out.'),
        good: z.int(),
        warn: z.int(),
        bad: z.int(),
        medianMs: z.number().nullable(),
      }),
    )
    .describe('In order of time.'),
});
export type PartSummary = z.infer<typeof partSummary>;
