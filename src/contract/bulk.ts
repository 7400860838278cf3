import { z } from 'zod';
import { cancelWish } from './cancel.ts';
import { jobSummary, queueName, tagName } from './job.ts';
import { analyses, assessments, jobStates } from './states.ts';

const someTags = z.array(tagName).min(1).max(50);

const members = {
  cancel: { action: z.literal('cancel'), ...cancelWish.shape },
  retry: { action: z.literal('retry') },
  delete: { action: z.literal('delete') },
  tag: { action: z.literal('tag'), tags: someTags },
  untag: { action: z.literal('untag'), tags: someTags },
  move: { action: z.literal('move'), queue: queueName.describe('Where jobs that wait go to.') },
  assess: {
    action: z.literal('assess'),
    assessment: z.enum(assessments).nullable().optional(),
    analysis: z.enum(analyses).nullable().optional(),
  },
};

/** What can be done to every job of a filter. */
export const bulkAction = z.discriminatedUnion('action', [
  z.strictObject(members.cancel),
  z.strictObject(members.retry),
  z.strictObject(members.delete),
  z.strictObject(members.tag),
  z.strictObject(members.untag),
  z.strictObject(members.move),
  z.strictObject(members.assess),
]);
export type BulkAction = z.infer<typeof bulkAction>;

const target = {
  filter: z.string().describe('In the filter language; only jobs submitted before the request are touched.'),
  dryRun: z.boolean().default(false).describe('Answers what would be touched, and touches nothing.'),
  expect: z
    .int()
    .min(0)
    .optional()
    .describe('How many jobs a dry run told; another number now is a conflict, and nothing is touched.'),
};

/** The body of `POST /jobs/bulk`. */
export const bulkRequest = z.discriminatedUnion('action', [
  z.strictObject({ ...members.cancel, ...target }),
  z.strictObject({ ...members.retry, ...target }),
  z.strictObject({ ...members.delete, ...target }),
  z.strictObject({ ...members.tag, ...target }),
  z.strictObject({ ...members.untag, ...target }),
  z.strictObject({ ...members.move, ...target }),
  z.strictObject({ ...members.assess, ...target }),
]);

export const bulkCounts = z.object({
  seen: z.int().describe('Jobs of the filter that were looked at.'),
  changed: z.int(),
  states: z.partialRecord(z.enum(jobStates), z.int()).describe('The states they had.'),
  skipped: z.array(
    z.object({ reason: z.string(), count: z.int(), jobs: z.array(z.int()).describe('Some of them.') }),
  ),
});
export type BulkCounts = z.infer<typeof bulkCounts>;

export const bulkAnswer = z.discriminatedUnion('status', [
  z.object({
    status: z.literal('dry run'),
    matched: z.int(),
    isAtLeast: z.boolean().describe('There are more; counting stopped.'),
    sample: z.array(jobSummary).describe('The newest of them.'),
  }),
  bulkCounts.extend({ status: z.literal('done') }),
  z.object({
    status: z.literal('started'),
    job: z.int().describe('A job of kind `bulk` that does it; its progress and result say how far it is.'),
    matched: z.int(),
    isAtLeast: z.boolean(),
  }),
]);
export type BulkAnswer = z.infer<typeof bulkAnswer>;
