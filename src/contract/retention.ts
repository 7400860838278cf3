import { z } from 'zod';
import { plainText } from './plain-text.ts';

/** What a rule takes of a job: all of it, only what it printed, or only the files it took and made. */
export const removals = ['job', 'output', 'files'] as const;
export type Removal = (typeof removals)[number];

/** The time between the change of a rule and its effect, in milliseconds: its announcement. */
export const announcementMs = 86_400_000;

const timestamp = z.iso.datetime({ offset: true });

/** What says which jobs a rule takes. */
export const retentionTerms = z.strictObject({
  filter: z
    .string()
    .describe('In the filter language; empty: every job. What the diary leaves out, a rule leaves alone.'),
  olderThanDays: z
    .int()
    .min(1)
    .max(36_500)
    .describe('Days of 24 hours since the job ended; what has not ended stays.'),
  removes: z
    .enum(removals)
    .describe('`job`: the whole job; `output`: only what it printed; `files`: only those it took and made.'),
});
export type RetentionTerms = z.infer<typeof retentionTerms>;

const ruleName = plainText.trim().min(1).max(100);
const effectiveFrom = timestamp
  .optional()
  .describe('When it begins to remove; by default one day after it was made or changed.');

/** The body of `POST /retention-rules`. */
export const newRetentionRule = retentionTerms.extend({
  name: ruleName.describe('Each name once, case ignored.'),
  enabled: z.boolean().default(true),
  effectiveFrom,
});
export type NewRetentionRule = z.infer<typeof newRetentionRule>;

/** The body of `PATCH /retention-rules/:id`. */
export const retentionRuleChange = retentionTerms
  .extend({ name: ruleName, enabled: z.boolean() })
  .partial()
  .extend({ effectiveFrom });
export type RetentionRuleChange = z.infer<typeof retentionRuleChange>;

const fileBytes = z.int().describe('Of files; one that another job names stays and is not counted.');

const retentionRun = z.object({
  startedAt: timestamp,
  endedAt: timestamp.nullable().describe('Null: it is under way.'),
  jobs: z.int().describe('Whole jobs, or jobs whose output or files went.'),
  outputBytes: z.int().describe('As printed.'),
  fileBytes,
});

export const retentionRule = retentionTerms.extend({
  id: z.int(),
  name: z.string(),
  enabled: z.boolean(),
  effectiveFrom: timestamp.describe('It removes nothing before this moment.'),
  createdBy: z.string(),
  createdAt: timestamp,
  changedBy: z.string(),
  changedAt: timestamp,
  runs: z
    .array(retentionRun)
    .describe('The newest first. Of those that found nothing only the last one is kept.'),
});
export type RetentionRule = z.infer<typeof retentionRule>;

const jobAtEdge = z.object({ id: z.int(), name: z.string(), submittedAt: timestamp, endedAt: timestamp });

export const retentionPreview = z.object({
  jobs: z.int().describe('That would go if the rule were applied now.'),
  isAtLeast: z.boolean().describe('There are more; counting stopped after some seconds.'),
  outputBytes: z.int().describe('What goes of what these jobs printed, in bytes.'),
  fileBytes,
  oldest: jobAtEdge.nullable().describe('The first of them in the diary.'),
  newest: jobAtEdge.nullable().describe('The last of them in the diary.'),
  kept: z.int().describe('Jobs that fit, but are kept, or are base runs of kept ones.'),
  keptIsAtLeast: z.boolean(),
});
export type RetentionPreview = z.infer<typeof retentionPreview>;

/** What rules hold for one job. */
export const jobRetention = z.object({
  items: z
    .array(
      z.object({
        rule: z.string(),
        removes: z.enum(removals),
        at: timestamp.describe('Not before this moment, as things stand now.'),
      }),
    )
    .describe('The earliest first; empty when no rule takes it.'),
  keptBy: z
    .enum(['keep', 'base run'])
    .nullable()
    .describe('Why no rule takes it though one would: it is kept, or is the base run of a job that is.'),
});
export type JobRetention = z.infer<typeof jobRetention>;
