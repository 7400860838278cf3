import { z } from 'zod';
import { verdict } from './job.ts';

/** One of the many things that a job did, with a verdict of its own: a URL of a list. */
export const jobPart = z.object({
  jobId: z.int(),
  number: z.int().describe('Its place in the job, from 1.'),
  key: z.string().describe('What it is about; the same thing has the same key in every job.'),
  endedAt: z.iso.datetime({ offset: true }),
  verdict,
  tookMs: z.number().nullable(),
  facts: z.unknown().describe('By the schema of the kind.'),
});
export type JobPart = z.infer<typeof jobPart>;
