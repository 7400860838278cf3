import { z } from 'zod';
import { baseRunName, noteText, plainText, queueName, tagName, verdict } from './job.ts';
import { analyses, assessments } from './states.ts';

/** What people may change about a job. Queue and priority only while it waits. */
export const jobChange = z.strictObject({
  name: plainText.trim().min(1).max(300).optional(),
  priority: z.int().min(-1000).max(1000).optional(),
  queue: queueName.optional(),
  project: plainText.min(1).max(200).nullable().optional(),
  tags: z.array(tagName).max(50).optional(),
  keep: z.boolean().optional().describe('Never removed by a retention rule.'),
  info: noteText.nullable().optional().describe('Why the job was made.'),
  summary: noteText.nullable().optional().describe('What came out, as Markdown.'),
  analysis: z.enum(analyses).nullable().optional(),
  assessment: z
    .enum(assessments)
    .nullable()
    .optional()
    .describe('`obsolete` warns whoever has the job as base run.'),
  verdict: verdict
    .extend({ text: plainText.trim().min(1).max(200) })
    .nullable()
    .optional()
    .describe("Overrules the kind's verdict, which is kept; null takes that back."),
  baseRuns: z.array(baseRunName).max(100).optional().describe('The jobs it is compared with.'),
});
export type JobChange = z.infer<typeof jobChange>;
