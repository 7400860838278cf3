import { z } from 'zod';
import { failureReasons } from './states.ts';

const timestamp = z.iso.datetime({ offset: true });

/** Jobs that failed alike. */
export const failure = z.object({
  id: z.string().describe('For the filter `family:<id>`.'),
  signature: z.string().describe('What they have in common, without numbers, paths and names.'),
  reason: z.enum(failureReasons),
  jobs: z.int().describe('How many failed so in the time asked for.'),
  firstSeenAt: timestamp.describe('The first of them in the time asked for.'),
  lastSeenAt: timestamp,
  lastJobId: z.int(),
  course: z.array(z.int()).describe('How many failed so in each thirtieth of the time asked for.'),
  example: z.string().nullable().describe('What the last of them said.'),
});
export type Failure = z.infer<typeof failure>;
