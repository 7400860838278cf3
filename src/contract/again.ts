import { z } from 'zod';
import { submitOptions } from './job.ts';

export const againAs = z
  .enum(['it-was', 'it-is'])
  .describe('`it-was` runs the text of the script that the record holds, `it-is` today’s script.');

/** As many as the database counts to. */
export const attemptNumber = z.int().positive().max(2_147_483_647);

const scriptOf = attemptNumber.describe('Whose script; by default that of the newest attempt.');

export const againQuery = z.strictObject({
  as: againAs.default('it-is'),
  attempt: z.coerce.number().pipe(scriptOf).optional(),
});

export const againRequest = z.strictObject({
  as: againAs.default('it-is'),
  attempt: scriptOf.optional(),
  edit: z
    .record(z.string(), z.unknown())
    .default({})
    .describe(
      'Members of a submit that are to be others, `input` among them. Members of `input`, `env` and `limits` are merged one by one; null leaves one out.',
    ),
  idempotencyKey: submitOptions.shape.idempotencyKey.describe(
    'Running again with the same key and body answers with the first job instead of making another.',
  ),
  dryRun: z.boolean().default(false).describe('Only shows the difference.'),
});

export const againDifference = z.object({
  jobId: z.int(),
  as: againAs,
  script: z
    .object({
      name: z.string(),
      sha256Then: z.string().nullable().describe('Null when the record does not know it.'),
      sha256Now: z.string().nullable().describe('Null when there is no such script any more.'),
      runs: z.enum(['then', 'now']).describe('Which of the two would run.'),
      diff: z
        .string()
        .nullable()
        .describe(
          'From then to now, as `diff -u` shows it; empty when they are equal, null when a text is not known.',
        ),
    })
    .nullable()
    .describe('Null for a job that ran no script.'),
  changes: z
    .array(z.object({ field: z.string(), before: z.unknown(), after: z.unknown() }))
    .describe('What the edit changes.'),
});
export type AgainDifference = z.infer<typeof againDifference>;
